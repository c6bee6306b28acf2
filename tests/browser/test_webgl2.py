"""The WebGL2 device in Chromium, on shaders written by hand: what no kernel of a bundle decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyjsml.emit import emit
from pyjsml.engines.chromium import ChromiumEngine, system_browser
from pyjsml.engines.site import Site
from tests.support.tiny import tiny_program, with_kernels

SCENARIOS = Path(__file__).parent / "webgl2"
no_chromium = ChromiumEngine().available()
pytestmark = pytest.mark.skipif(no_chromium is not None, reason=str(no_chromium))

Play = Callable[..., Any]
"""Run a function of scenarios.js in the page, with one argument."""


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    sync_api = pytest.importorskip("playwright.sync_api")
    bundle = emit(with_kernels(tiny_program(), tmp_path_factory.mktemp("kernels")))
    pages = {
        "/": b"<!doctype html><title>webgl2</title>",
        **{f"/{file.name}": file.read_bytes() for file in SCENARIOS.iterdir()},
        **{f"/bundle/{path}": data for path, data in bundle.files.items()},
    }
    with Site(pages) as site, sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=system_browser())
        page = browser.new_page()
        page.goto(site.url)

        def play(name: str, argument: Any = None) -> Any:
            source = f"async (a) => (await import('/scenarios.js')).{name}(a)"
            return page.evaluate(source, argument)

        yield play


SIZES = (1, 3, 4, 5, 8191, 8192, 8193, 24581)


@pytest.mark.parametrize("size", SIZES)
def test_floats_go_in_and_out(play: Play, size: int) -> None:
    data = np.random.default_rng(size).normal(size=size).astype(np.float32)
    steps = [{"dtype": "float32", "code": "2.0 * v + 1.0"}] * 3
    found = play(
        "run", {"dtype": "float32", "shape": [size], "steps": steps, "data": data.tolist()}
    )
    expected = 8 * data.astype(np.float64) + 7
    np.testing.assert_allclose(found["later"], expected, rtol=1e-6, atol=1e-6)
    assert found["now"] == found["later"]
