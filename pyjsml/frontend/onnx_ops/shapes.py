"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm_ffi
from tvm import relax
from tvm.ir import GenericConst
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    as_constant,
    input_at,
    is_empty,
    text,
    tvm_converter,
)
from pyjsml.frontend.onnx_ops.common import constant as known
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
    if isinstance(inputs[0], GenericConst):
        array = inputs[0].value.numpy()
        part = [slice(None)] * array.ndim
        for axis, *bounds in zip(axes, starts, ends, steps, strict=True):
            part[axis] = slice(*bounds)
        return as_constant(np.ascontiguousarray(array[tuple(part)]))
    return strided_slice(builder, inputs[0], axes, starts, ends, steps)


def split(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Split: into parts of given lengths, or into as many as there are outputs."""
    x, count = inputs[0], attributes["tvm_custom"]["num_outputs"]
    axis = int(attributes.get("axis", 0)) % x.ty.ndim
    sizes = _list(inputs, attributes, "split")
    size = x.ty.shape[axis]
    if sizes is None and not isinstance(size, IntImm):
        return relax.op.split(x, count, axis)
    if sizes is None:
        part = -(-int(size) // count)
        sizes = [part] * (count - 1) + [int(size) - part * (count - 1)]
    edges = np.cumsum(sizes)[:-1].tolist()
    if isinstance(x, GenericConst):
        parts = np.split(x.value.numpy(), edges, axis)
        return relax.Tuple([as_constant(np.ascontiguousarray(part)) for part in parts])
    return relax.op.split(x, edges, axis)


def squeeze(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Squeeze."""
    x, axes = inputs[0], _list(inputs, attributes, "axes")
    if isinstance(x, GenericConst):
        return as_constant(np.squeeze(x.value.numpy(), None if axes is None else tuple(axes)))
    return relax.op.squeeze(x, axes)


def unsqueeze(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Unsqueeze."""
    x, axes = inputs[0], _list(inputs, attributes, "axes")
    if isinstance(x, GenericConst):
        return as_constant(np.expand_dims(x.value.numpy(), tuple(axes or ())))
    return relax.op.expand_dims(x, axes)


def expand(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Expand to a shape that is known; an axis stays as it is where the shape has a 1."""
    x, shape = inputs
    if not isinstance(shape, GenericConst):
        raise UnsupportedError("its shape depends on values that only a run has")
    wanted = shape.value.numpy().tolist()
    sizes = [1] * (len(wanted) - x.ty.ndim) + list(x.ty.shape)
    wanted = [1] * (len(sizes) - len(wanted)) + wanted
    for axis, (size, length) in enumerate(zip(sizes, wanted, strict=True)):
        if length == 1:
            wanted[axis] = size
        elif not isinstance(size, int | IntImm):
            raise UnsupportedError(f"an axis whose length varies is to be {length} elements long")
        elif int(size) not in (1, length):
            raise ValueError(f"an axis of {int(size)} elements can't be expanded to {length}")
    return relax.op.broadcast_to(x, relax.ShapeExpr(wanted))


def _list(inputs: Inputs, attributes: Attributes, name: str) -> list[int] | None:
    """Return a list of numbers: the second input, or the attribute that it was before opset 13."""
    if (given := input_at(inputs, 1)) is not None:
        return [int(each) for each in np.atleast_1d(known(given, f"{name} input"))]
    return [int(each) for each in attributes[name]] if name in attributes else None


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


def either(builder: Any, condition: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` if the one element of `condition` is true, and `otherwise` if not."""
    values = [
        builder.emit(relax.op.shape_to_tensor(value))
        if isinstance(value, relax.Expr) and isinstance(value.ty, relax.ShapeType)
        else value
        for value in (then, otherwise)
    ]
    if not all(isinstance(getattr(value, "ty", None), relax.TensorType) for value in values):
        raise UnsupportedError("its branches give values that are no tensors")
    types = [value.ty for value in values]
    if not tvm_ffi.structural_equal(*types):
        raise UnsupportedError(
            "its condition is data, and its branches give tensors of different shapes or dtypes"
        )
    condition = builder.emit(relax.op.reshape(condition, []))
    return builder.emit(relax.op.where(condition, *values))
