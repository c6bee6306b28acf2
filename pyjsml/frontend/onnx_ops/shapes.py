"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm.ir import GenericConst

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    as_constant,
    input_at,
    tvm_converter,
)
from pyjsml.frontend.slicing import strided_slice


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
    starts, ends = (list(attributes[name]) for name in ("starts", "ends"))
    axes = attributes.get("axes", range(len(starts)))
    return strided_slice(builder, inputs[0], list(axes), starts, ends, [1] * len(starts))


def slice_10(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Slice."""
    given = [input_at(inputs, index) for index in range(1, 5)]
    if not all(each is None or isinstance(each, GenericConst) for each in given):
        return tvm_converter("Slice", builder, inputs, attributes, opset)
    starts, ends, axes, steps = (
        None if each is None else each.value.numpy().tolist() for each in given
    )
    axes = list(range(len(starts))) if axes is None else axes
    return strided_slice(builder, inputs[0], axes, starts, ends, steps or [1] * len(starts))
