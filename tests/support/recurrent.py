"""Recurrent layers as ONNX models."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper

from tests.support.models import onnx_model, tensor_info

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
UNITS, DEPTH = 13, 6
"""An odd size: its last block, and its last vector, are not full."""


def onnx_layer(
    operator: str, direction: str, variant: int, steps: int | str, seed: int = 3
) -> tuple[onnx.ModelProto, dict[str, tuple[Any, ...]]]:
    """Return a layer with random weights, and the shapes of its inputs; "batch" is a dim of theirs.

    The variants 0 and 1 differ in all that may be left out. A GRU's second one resets its state
    before the product.
    """
    random = np.random.default_rng(seed)
    count = 2 if direction == "bidirectional" else 1
    rows = GATES[operator] * UNITS
    weights = {"w": (count, rows, DEPTH), "r": (count, rows, UNITS), "b": (count, 2 * rows)}
    arrays = {
        name: random.normal(scale=0.4, size=shape).astype(np.float32)
        for name, shape in weights.items()
    }
    states = ["h", "c"][: 2 if operator == "LSTM" else 1]
    shapes: dict[str, tuple[Any, ...]] = {"x": (steps, "batch", DEPTH)}
    given = ["x", "w", "r"]
    outputs = ["y", *(f"y_{state}" for state in states)]
    attributes: dict[str, Any] = {}
    if variant == 0:
        shapes |= dict.fromkeys(states, (count, "batch", UNITS))
        given += ["b", "", *states]
        attributes |= {"linear_before_reset": 1} if operator == "GRU" else {}
        attributes |= {"activations": ["Relu"] * count} if operator == "RNN" else {}
    node = helper.make_node(
        operator, given, outputs, hidden_size=UNITS, direction=direction, **attributes
    )
    inputs = [tensor_info(name, list(shape)) for name, shape in shapes.items()]
    results = [tensor_info(name, [None] * (4 if name == "y" else 3)) for name in outputs]
    used = {name: array for name, array in arrays.items() if name in given}
    return onnx_model([node], inputs, results, used), shapes
