"""Real models compute on WebGL2, in Chromium, what their own frameworks compute."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjsml import api
from pyjsml.engines import get_engine
from tests.support.real import REAL_MODELS, RealModel, sentence

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(get_engine("chromium").available() is not None, reason="needs Chromium"),
]

DEVICES = ["wasm", "webgl2"]


@pytest.mark.parametrize("real", REAL_MODELS, ids=lambda real: real.name)
def test_real_models_match_their_vectors(real: RealModel, models: Path) -> None:
    bundle = real.bundle(models, devices=DEVICES)
    assert bundle.manifest["unshaded"] == {}
    vectors = real.vectors(models)
    report = api.check(bundle, vectors=vectors, engines=["chromium"], devices=["webgl2"])
    assert report.ok, report.to_json()
    assert [row.device for row in report.rows] == ["webgl2"] * len(bundle.model["outputs"])


@pytest.mark.parametrize("length", [1, 7, 31, 128])
def test_one_bundle_serves_every_sequence_length(length: int, models: Path) -> None:
    bundle = REAL_MODELS[-1].bundle(models, devices=DEVICES)
    vectors = sentence(models, length)
    report = api.check(bundle, vectors=vectors, engines=["chromium"], devices=["webgl2"])
    assert report.ok, report.to_json()
