"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax

from pyjsml.frontend.onnx_ops.common import Attributes, Inputs, as_constant, tvm_converter


def constant(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Constant, which holds a tensor, a number or a list of numbers."""
    kinds = {"value_float": "float32", "value_floats": "float32"}
    kinds |= {"value_int": "int64", "value_ints": "int64"}
    for name, dtype in kinds.items():
        if name in attributes:
            return as_constant(np.array(attributes[name], dtype))
    return tvm_converter("Constant", builder, inputs, attributes, opset)


def slice_1(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert the Slice of before opset 10, whose bounds are attributes."""
    starts, ends = attributes["starts"], attributes["ends"]
    axes = attributes.get("axes", tuple(range(len(starts))))
    return relax.op.strided_slice(inputs[0], list(axes), list(starts), list(ends))
