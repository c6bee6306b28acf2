"""A bundle and ONNX Runtime Web in one page of Chromium."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pyjsml import Bundle, bundle
from pyjsml.bench.ort import ort_pages
from pyjsml.bench.report import OURS, PEERS, race_peers
from pyjsml.engines import get_engine
from pyjsml.errors import EngineError, EngineUnavailableError
from tests.bench.models.export import write_onnx
from tests.conftest import ROOT, SharedBundle

INPUTS = {"pixels": np.linspace(-1, 1, 784, dtype=np.float32).reshape(1, 784)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        get_engine("chromium").available() is not None
        or not (ROOT / "node_modules" / "onnxruntime-web").is_dir(),
        reason="Chromium or onnxruntime-web is not here: run `make setup`",
    ),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("race") / "mlp.onnx"
    write_onnx("mlp", path)
    return path


@pytest.fixture(scope="module")
def mlp(shared_bundle: SharedBundle, model: Path) -> Bundle:
    return shared_bundle("bench-mlp", lambda: bundle(str(model)))


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("threads", [1, 2])
def test_races(mlp: Bundle, model: Path, threads: int) -> None:
    report = race_peers(mlp, INPUTS, PEERS, model, threads, rounds=3)
    assert list(report.times) == [OURS, *PEERS]
    assert all(times.rounds == 3 and times.least > 0 for times in report.times.values())
    assert sum(op.flops for op in report.ops) >= 2 * 203_264
    assert not [text for text in report.shortfalls if "something else" in text]


def test_another_model_is_found_out(mlp: Bundle, model: Path, tmp_path: Path) -> None:
    other = onnx.load(model)
    (bias,) = (each for each in other.graph.initializer if list(each.dims) == [10])
    shifted = numpy_helper.to_array(bias) + np.float32(1)
    bias.CopyFrom(numpy_helper.from_array(shifted, bias.name))
    onnx.save(other, tmp_path / "other.onnx")
    report = race_peers(mlp, INPUTS, PEERS, tmp_path / "other.onnx", 1, rounds=1)
    assert any("something else" in text for text in report.shortfalls)


def test_a_model_that_the_peer_can_not_read(mlp: Bundle, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"nonsense")
    with pytest.raises(EngineError, match="onnxruntime-web"):
        race_peers(mlp, INPUTS, PEERS, tmp_path / "broken.onnx", 1, rounds=1)


def test_without_the_package(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="npm install onnxruntime-web"):
        ort_pages(b"", tmp_path)
