"""Determinants, as numpy computes them in double precision."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from onnx import helper

from pyjsml import api
from pyjsml.engines import get_engine
from pyjsml.errors import ModelError, UnsupportedOpError
from tests.ops.batches import failures
from tests.support.models import onnx_model, tensor_info
from tests.support.op_cases import OpCase

pytestmark = pytest.mark.slow


def case(name: str, x: np.ndarray) -> OpCase:
    model = onnx_model(
        [helper.make_node("Det", ["x"], ["y"], name="size")],
        [tensor_info("x", x.shape)],
        [tensor_info("y", x.shape[:-2])],
    )
    result = np.asarray(np.linalg.det(x.astype(np.float64)), np.float32)
    return OpCase(name, model, {"x": x}, {"y": result})


@pytest.mark.parametrize("device", ["wasm", "webgl2"])
def test_determinants(device: Literal["wasm", "webgl2"]) -> None:
    if device == "webgl2" and get_engine("chromium").available() is not None:
        pytest.skip("needs Chromium")
    numbers = np.random.default_rng(3)
    turned = np.eye(7, dtype=np.float32)[[2, 0, 1, 6, 4, 3, 5]]
    singular = numbers.integers(-2, 3, (2, 3, 4, 4)).astype(np.float32)
    singular[0, 1, :, 0] = 0
    singular[1, 2, 2] = singular[1, 2, 0]
    cases = [
        case("one", np.full((2, 1, 1), -3, np.float32)),
        case("turned", turned),
        case("singular", singular),
        case("odd", numbers.standard_normal((5, 9, 9)).astype(np.float32)),
    ]
    assert not list(failures(cases, (), device))


def test_large_matrices_are_refused() -> None:
    with pytest.raises(UnsupportedOpError, match=r"Det at size: .* at most 16 rows"):
        api.bundle(case("large", np.eye(17, dtype=np.float32)).model)


def test_matrices_that_are_not_square_are_refused() -> None:
    model = onnx_model(
        [helper.make_node("Det", ["x"], ["y"], name="size")],
        [tensor_info("x", [3, 4])],
        [tensor_info("y", [])],
    )
    with pytest.raises(ModelError, match="Det node 'size'"):
        api.bundle(model)
