"""Firefox, driven by Playwright."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyjsml.engines.browser import BrowserEngine
from pyjsml.engines.display import display

if TYPE_CHECKING:
    from playwright.sync_api import BrowserType, Playwright


class FirefoxEngine(BrowserEngine):
    """Runs bundles in Firefox.

    On Linux it has WebGL2 only with a display, headless or not. Where there is none, a session on
    webgl2 has Xvfb's to itself.
    """

    name = "firefox"
    programs = (
        "firefox-esr",
        "firefox",
        "/Applications/Firefox.app/Contents/MacOS/firefox",
    )
    how_to_get = (
        "no Firefox was found: install the system's (Debian: apt install firefox-esr, and xvfb for "
        "its WebGL2), or run `playwright install firefox`"
    )
    # Playwright's own Firefox is patched to take its commands; others are told over WebDriver BiDi.
    channel = "moz-firefox"
    # Playwright has the browser keep what requests bring, 200 MB by default, and that in base64.
    # It wants to have 20 MB at least.
    launch_options = MappingProxyType(
        {"firefox_user_prefs": {"remote.network.maxTotalDataSize": 20_000_000}}
    )

    def display(self, device: str) -> AbstractContextManager[Mapping[str, str]]:
        """Return the environment of a display if `device` is drawn with; see `display.display`."""
        return display("the WebGL2 of firefox") if device == "webgl2" else nullcontext({})

    def _kind(self, playwright: Playwright) -> BrowserType:
        return playwright.firefox
