"""Cold starts of a bundle in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pyjsml.bench.page import INPUTS, Contender, Track, bundle_contender, bundle_pages, feed_page
from pyjsml.engines import get_engine
from pyjsml.errors import EngineError
from tests.support.consumer import tiny_case

pytestmark = pytest.mark.skipif(
    get_engine("chromium").available() is not None, reason="Chromium is not here"
)


@pytest.fixture(scope="module")
def track() -> Iterator[Track]:
    """Return a track whose site has a small bundle."""
    case = tiny_case("static")
    inputs = {case.port("inputs")["name"]: np.array(case.data, np.float32).reshape(case.shape)}
    with Track({INPUTS: feed_page(inputs), **bundle_pages(case.bundle)}) as track:
        yield track


@pytest.fixture(scope="module")
def contender() -> Contender:
    return bundle_contender(tiny_case("static").bundle, "pyjsml", None, 1)


def test_each_start_fetches_all_there_is(track: Track, contender: Contender) -> None:
    for _ in range(2):
        start = track.cold_start(contender)
        assert 0 < start.opened < start.ms
        files = ("index.js", "runtime/index.js", "model.relaxed.wasm", "weights.safetensors")
        assert {f"/bundle/{path}" for path in files} <= {*start.fetched}
    assert not track._site.posted


def test_a_start_that_fails_says_why(track: Track, contender: Contender) -> None:
    absent = replace(contender, config={**contender.config, "index": "/absent/index.js"})
    with pytest.raises(EngineError, match=r"pyjsml: TypeError: .*absent/index\.js"):
        track.cold_start(absent)


def test_a_page_that_tells_nothing(
    track: Track, contender: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyjsml.bench.page.START_LIMIT_S", 0.5)
    with pytest.raises(EngineError, match=r"pyjsml: no result in 0\.5 s"):
        track.cold_start(replace(contender, head="<script>window.stop()</script>"))
