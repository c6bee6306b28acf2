"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax
from tvm.ir import GenericConst

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    as_constant,
    input_at,
    is_empty,
    text,
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
        [] if each is None else each.value.numpy().tolist() for each in given
    )
    axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
    return strided_slice(builder, inputs[0], axes, starts, ends, steps)


def depth_to_space(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert DepthToSpace: channels become the pixels of blocks."""
    x, size = inputs[0], int(attributes["blocksize"])
    batch, channels, height, width = x.ty.shape
    depth = channels // (size * size)
    if text(attributes, "mode", "DCR") == "CRD":
        apart, order = [batch, depth, size, size, height, width], [0, 1, 4, 2, 5, 3]
    else:
        apart, order = [batch, size, size, depth, height, width], [0, 3, 4, 1, 5, 2]
    blocks = builder.emit(relax.op.permute_dims(relax.op.reshape(x, apart), order))
    return relax.op.reshape(blocks, [batch, depth, height * size, width * size])


def space_to_depth(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SpaceToDepth: the pixels of blocks become channels."""
    x, size = inputs[0], int(attributes["blocksize"])
    batch, channels, height, width = x.ty.shape
    rows, columns = height // size, width // size
    order = [0, 1, 3, 5, 2, 4] if text(attributes, "mode", "DCR") == "CRD" else [0, 3, 5, 1, 2, 4]
    apart = builder.emit(relax.op.reshape(x, [batch, channels, rows, size, columns, size]))
    blocks = builder.emit(relax.op.permute_dims(apart, order))
    return relax.op.reshape(blocks, [batch, channels * size * size, rows, columns])


def concat(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Concat; what has no elements is left out, unless nothing has any."""
    axis = int(attributes["axis"])
    filled = [x for x in inputs if not is_empty(x)]
    return tvm_converter("Concat", builder, filled or inputs, {"axis": axis}, opset)
