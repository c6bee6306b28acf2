"""Real models compute on WebGL2, in each browser, what their own frameworks compute."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjsml import api
from tests.conftest import SharedBundle
from tests.support.browsers import NAMES, need_browser
from tests.support.real import REAL_MODELS, RealModel, sentence

pytestmark = pytest.mark.usefixtures("one_firefox")

DEVICES = ["wasm", "webgl2"]
SMALL = ("mnist_cntk", "cnn_mnist_pytorch", "resnet20_cifar10")

EVERY = [
    pytest.param(real, id=real.name, marks=() if real.name in SMALL else pytest.mark.slow)
    for real in REAL_MODELS
]


@pytest.mark.parametrize("browser", NAMES)
@pytest.mark.parametrize("real", EVERY)
def test_real_models_match_their_vectors(
    real: RealModel, browser: str, models: Path, shared_bundle: SharedBundle
) -> None:
    need_browser(browser)
    bundle = shared_bundle(f"{real.name}-webgl2", lambda: real.bundle(models, devices=DEVICES))
    assert bundle.manifest["unshaded"] == {}
    vectors = real.vectors(models)
    report = api.check(bundle, vectors=vectors, engines=[browser], devices=["webgl2"])
    assert report.ok, report.to_json()
    assert [row.device for row in report.rows] == ["webgl2"] * len(bundle.model["outputs"])


@pytest.mark.slow
@pytest.mark.parametrize("browser", NAMES)
@pytest.mark.parametrize("length", [1, 7, 31, 128])
def test_one_bundle_serves_every_sequence_length(
    length: int, browser: str, models: Path, shared_bundle: SharedBundle
) -> None:
    need_browser(browser)
    real = REAL_MODELS[-1]
    bundle = shared_bundle(f"{real.name}-webgl2", lambda: real.bundle(models, devices=DEVICES))
    vectors = sentence(models, length)
    report = api.check(bundle, vectors=vectors, engines=[browser], devices=["webgl2"])
    assert report.ok, report.to_json()
