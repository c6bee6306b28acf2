"""What is said in browsers that have no WebGL2, because they were started so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pyjsml.engines.site import Site
from tests.support.browsers import open_page
from tests.support.webgl2 import scenario_pages

WITHOUT = {
    "chromium": {"args": ["--disable-gpu", "--disable-software-rasterizer"]},
    "firefox": {"firefox_user_prefs": {"webgl.disabled": True}},
}


@pytest.mark.parametrize(("name", "options"), WITHOUT.items(), ids=WITHOUT)
def test_a_browser_without_webgl2(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    pages = scenario_pages()
    with Site(pages) as site, open_page(name, site.url, tmp_path, options) as opened:

        def play(scenario: str, argument: Any) -> Any:
            source = f"async (a) => (await import('/scenarios.js')).{scenario}(a)"
            return opened.page.evaluate(source, argument)

        kind, message = play("lack", "nothing more")
        choice = play("pick", {})
    assert kind == "DeviceError"
    assert message.startswith("the browser gives no WebGL2 context: it has none, is told not to")
    assert message.endswith('leave "webgl2" out of "devices", or let pickDevice() choose')
    assert (choice["device"], choice["reason"]) == ("wasm", message)
