"""`pyjsml profile` in Chromium: a bundle runs there, and the page that comes of it opens there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyjsml.cli import main
from pyjsml.emit import emit
from tests.support.pages import PATIENCE_MS, chromium, needs_chromium
from tests.support.tiny import tiny_program, with_kernels

pytestmark = [needs_chromium, pytest.mark.slow]


def test_profiles_and_shows_a_page(tmp_path: Path) -> None:
    bundle, target, figures = (tmp_path / name for name in ("tiny", "page.html", "figures.json"))
    emit(with_kernels(tiny_program())).write(bundle)
    options = ["--runs", "3", "-o", str(target), "--json", str(figures)]
    result = CliRunner().invoke(main, ["profile", str(bundle), *options])
    assert result.exit_code == 0, result.stderr
    found = json.loads(figures.read_text())
    assert found["engine"] == "chromium"
    assert min(found["limits"].values()) > 0

    said: list[str] = []
    backgrounds = set()
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        # The browser reports here what the page's Content Security Policy refuses, too.
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(target.as_uri())
        for chart in ("Roofline", "Memory by step"):
            box = page.get_by_role("img", name=chart).bounding_box()
            assert box
            assert min(box["width"], box["height"]) > 100
        assert page.locator("#timeline .op").count() == len(found["ops"])
        names = page.locator("#ops tbody td:nth-child(2)")
        for descending in (False, True):
            page.locator("#ops th:nth-child(2) button").click()
            expected = sorted((op["name"] for op in found["ops"]), reverse=descending)
            assert names.all_text_contents() == expected
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2
    assert said == []
