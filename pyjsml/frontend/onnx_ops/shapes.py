"""Operators that move elements and compute nothing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import tvm_ffi
from onnx import numpy_helper
from tvm import relax, tirx
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
from pyjsml.frontend.onnx_ops.sizes import argument
from pyjsml.frontend.slicing import strided_slice
from pyjsml.frontend.tiling import tiled


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
    names = ("starts", "ends", "axes", "steps")
    given = dict(zip(names, inputs[1:], strict=False))
    starts, ends, axes, steps = (
        [] if given.get(name) is None else argument(given[name], name) for name in names
    )
    axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
    if not all(isinstance(each, int) or builder.proves(each >= 0) for each in (*starts, *ends)):
        raise UnsupportedError("for some lengths of axes its bounds count from their ends")
    if isinstance(inputs[0], GenericConst) and all(isinstance(each, int) for each in starts + ends):
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
        length = builder.simplify(tirx.floordiv(size + count - 1, count))
        edges = [length * number for number in range(count + 1)]
        bounds = itertools.pairwise(edges)
        return relax.Tuple([strided_slice(builder, x, [axis], [a], [b], [1]) for a, b in bounds])
    if sizes is None:
        if opset < 18 and int(size) % count:
            raise ValueError(f"{int(size)} elements can't be split into {count} equal parts")
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
    varying = [axis for axis, size in enumerate(x.ty.shape) if not isinstance(size, IntImm)]
    if axes is None and varying:
        raise UnsupportedError(
            f"whether it leaves out axis {varying[0]} depends on its length, which varies: give it "
            "axes, or the inputs fixed shapes"
        )
    for axis in axes or ():
        if axis % x.ty.ndim in varying:
            raise UnsupportedError(f"axis {axis}, which it leaves out, is of a length that varies")
        if int(x.ty.shape[axis]) != 1:
            raise ValueError(
                f"axis {axis}, which it leaves out, has {int(x.ty.shape[axis])} elements"
            )
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
    """Convert Expand; an axis stays as it is where the shape has a 1."""
    x, wanted = inputs[0], argument(inputs[1], "shape")
    sizes = [1] * (len(wanted) - x.ty.ndim) + list(x.ty.shape)
    wanted = [1] * (len(sizes) - len(wanted)) + wanted
    for axis, (size, length) in enumerate(zip(sizes, wanted, strict=True)):
        if isinstance(length, int) and length == 1:
            wanted[axis] = size
        elif not isinstance(length, int):
            continue
        elif not isinstance(size, int | IntImm):
            raise UnsupportedError(f"an axis whose length varies is to be {length} elements long")
        elif int(size) not in (1, length):
            raise ValueError(f"an axis of {int(size)} elements can't be expanded to {length}")
    return relax.op.broadcast_to(x, relax.ShapeExpr(wanted))


def reshape(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Reshape to a shape that follows from those of the inputs."""
    x, wanted = inputs[0], argument(inputs[1], "shape")
    if attributes.get("allowzero") and 0 in [each for each in wanted if isinstance(each, int)]:
        return tvm_converter("Reshape", builder, inputs, attributes, opset)
    wanted = [
        x.ty.shape[axis] if isinstance(length, int) and length == 0 else length
        for axis, length in enumerate(wanted)
    ]
    if isinstance(x, GenericConst) and all(isinstance(each, int | IntImm) for each in wanted):
        return as_constant(x.value.numpy().reshape([int(each) for each in wanted]))
    return relax.op.reshape(x, wanted)


def constant_of_shape(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ConstantOfShape, which is of float zeros unless it says otherwise."""
    wanted = argument(inputs[0], "shape")
    value = np.zeros(1, np.float32)
    if "value" in attributes:
        value = numpy_helper.to_array(attributes["value"])
    return relax.op.broadcast_to(as_constant(value.reshape(())), relax.ShapeExpr(wanted))


def tile(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Tile."""
    return tiled(builder, inputs[0], argument(inputs[1], "numbers of copies"))


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
    values = [then, otherwise]
    if not all(isinstance(getattr(value, "ty", None), relax.TensorType) for value in values):
        raise UnsupportedError("its branches give values that are no tensors")
    types = [value.ty for value in values]
    if not tvm_ffi.structural_equal(*types):
        raise UnsupportedError(
            "its condition is data, and its branches give tensors of different shapes or dtypes"
        )
    condition = builder.emit(relax.op.reshape(condition, []))
    return builder.emit(relax.op.where(condition, *values))
