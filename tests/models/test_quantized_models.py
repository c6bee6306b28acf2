"""An int8 model classifies photographs as it does elsewhere, in integers from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyjsml import Bundle, api
from pyjsml.program import Isa
from tests.conftest import SharedBundle
from tests.models.test_real_models import BANANA, ORANGE, TABBY, photograph, skip_where_absent
from tests.support.real import stored_vectors

SIDE = 244
PHOTOGRAPHS = {
    "banana_wasi_nn_input.jpg": BANANA,
    "kitten_224.png": TABBY,
    "orange.png": ORANGE,
}
HOSTS: tuple[tuple[str, Isa | None], ...] = (
    ("v8", None),
    ("v8", "simd128"),
    ("pythonmonkey", None),
    ("node", None),
    ("chromium", None),
)

pytestmark = pytest.mark.slow
each_host = pytest.mark.parametrize(("engine", "isa"), HOSTS)


@pytest.fixture
def model(models: Path) -> Path:
    return models / "imagenet-mobilenet-v2/mobilenet_v2_qdq.onnx"


@pytest.fixture
def bundle(model: Path, shared_bundle: SharedBundle) -> Bundle:
    return shared_bundle("mobilenet_v2_qdq", lambda: api.bundle(model))


@each_host
def test_an_int8_model_matches_its_vectors(
    engine: str, isa: Isa | None, model: Path, bundle: Bundle
) -> None:
    skip_where_absent(engine)
    vectors = stored_vectors(model.with_suffix(".io.npz"))
    with api.Executor(bundle, engine, isa=isa) as executor:
        scores = executor.run(image=vectors["in:image"])["scores"]
    expected = vectors["out:scores"]
    # Scores are quantised too: a sum that lies between two of their steps may go to either.
    step = np.diff(np.unique(expected)).min()
    assert np.abs(scores - expected).max() <= 1.01 * step
    assert scores.argmax() == expected.argmax() == BANANA


@each_host
def test_an_int8_model_classifies_photographs(
    engine: str, isa: Isa | None, models: Path, bundle: Bundle
) -> None:
    skip_where_absent(engine)
    with api.Executor(bundle, engine, isa=isa) as executor:
        for file, expected in PHOTOGRAPHS.items():
            picture = photograph(models / "images" / file, SIDE)
            assert executor.run(image=picture)["scores"].argmax() == expected, file


def test_no_floats_lie_between_the_layers(bundle: Bundle) -> None:
    model = bundle.model
    values, ops = model["values"], model["ops"]
    products = [op for op in ops if op.get("dots")]
    assert len(products) == 53
    floats = {
        op["kind"]
        for op in ops
        if any(values[value]["dtype"] == "float32" for value in op["outputs"])
        and any(values[value]["region"] == "main" for value in op["outputs"])
    }
    # The scores are floats: the last product dequantises them.
    assert floats == {"int8_matmul"}
