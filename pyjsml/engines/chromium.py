"""Chromium, driven by Playwright."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyjsml.engines.browser import BrowserEngine, find_program

if TYPE_CHECKING:
    from playwright.sync_api import BrowserType, Playwright

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
HOW_TO_GET = (
    "no Chromium was found: install the system's (Debian: apt install chromium), or run "
    "`playwright install chromium`"
)


class ChromiumEngine(BrowserEngine):
    """Runs bundles in Chromium or Chrome."""

    name = "chromium"
    programs = BROWSERS
    how_to_get = HOW_TO_GET

    def _kind(self, playwright: Playwright) -> BrowserType:
        return playwright.chromium


def system_browser() -> str | None:
    """Return the path of the system's Chromium or Chrome, if there is one."""
    return find_program(BROWSERS)
