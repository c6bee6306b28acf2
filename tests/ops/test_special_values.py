"""Infinities, NaN and numbers at the end of a range come out as torch and numpy have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from onnx import TensorProto, helper
from torch import nn

from pyjsml import api
from pyjsml.program import ISAS
from tests.support.models import onnx_model, tensor_info

INF, NAN = float("inf"), float("nan")
X = [1, -1, 5, 0.5, INF, -INF, NAN, 2, -3, 7, -7, 0]
Y = [INF, INF, -INF, 0, 2, INF, 1, NAN, 2, -INF, -INF, INF]


class Special(nn.Module):
    """Operators whose results at infinities need care."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            torch.remainder(x, y),
            torch.fmod(x, y),
            F.gelu(x, approximate="tanh"),
            torch.argmax(torch.stack([y, x]), 0),
            torch.argmin(torch.stack([y, x]), 0),
            x * 0,
            0.0 * x + 1,
            0 / x,
            x * torch.zeros(1),
        )


def test_special_values_come_out_as_in_torch() -> None:
    pytest.importorskip("py_mini_racer", reason="bundles run in V8: pip install mini-racer")
    x, y = torch.tensor(X), torch.tensor(Y)
    bundle = api.bundle(Special(), (x, y))
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            found: list[Any] = list(executor.run(x=x.numpy(), y=y.numpy()).values())
            for value, wanted in zip(found, Special()(x, y), strict=True):
                np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_where_the_extremes_are_among_nan() -> None:
    pytest.importorskip("py_mini_racer", reason="bundles run in V8: pip install mini-racer")
    rows = [
        [1, NAN, 3, NAN, INF],
        [4, 4, 2, 1, 1],
        [-INF] * 5,
        [NAN] * 5,
        [INF, NAN, INF, 1, -INF],
    ]
    x = np.array(rows, np.float32)
    operators = {"ArgMax": np.argmax, "ArgMin": np.argmin}
    model = onnx_model(
        [
            helper.make_node(operator, ["x"], [f"{operator}_{axis}"], axis=axis, keepdims=0)
            for operator in operators
            for axis in (0, 1)
        ],
        [tensor_info("x", [5, 5])],
        [
            tensor_info(f"{operator}_{axis}", [5], TensorProto.INT64)
            for operator in operators
            for axis in (0, 1)
        ],
    )
    bundle = api.bundle(model)
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            found = executor.run(x=x)
            for operator, reference in operators.items():
                for axis in (0, 1):
                    wanted = reference(x, axis)
                    np.testing.assert_array_equal(found[f"{operator}_{axis}"], wanted)


def test_a_mark_at_each_index() -> None:
    pytest.importorskip("py_mini_racer", reason="bundles run in V8: pip install mini-racer")
    axes = (-1, 0, 1)
    model = onnx_model(
        [
            helper.make_node("Constant", [], ["depth"], value_int=4),
            *(
                helper.make_node("OneHot", ["indices", "depth", "values"], [f"y{axis}"], axis=axis)
                for axis in axes
            ),
        ],
        [tensor_info("indices", ["n", 2], TensorProto.INT64), tensor_info("values", [2])],
        [tensor_info(f"y{axis}", [None, None, None]) for axis in axes],
    )
    indices = np.array([[0, 2], [-1, 7], [3, -5]])
    values = np.array([0.5, 2], np.float32)
    marked = (indices % 4)[..., None] == np.arange(4)
    marked &= ((indices >= -4) & (indices < 4))[..., None]
    with api.Executor(api.bundle(model), "v8") as executor:
        found = executor.run(indices=indices, values=values)
    for axis in axes:
        wanted = np.moveaxis(np.where(marked, values[1], values[0]), -1, axis)
        np.testing.assert_array_equal(found[f"y{axis}"], wanted)
