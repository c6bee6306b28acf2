"""Indexing with tensors; `optimize.indexing` takes care of negative indices."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from tvm import relax
from tvm.tirx import IntImm

from pyjsml.errors import ModelError
from pyjsml.frontend.slicing import strided_slice, within
from pyjsml.frontend.torch_ops.common import (
    arguments,
    broadcast_shape,
    dtype_of,
    limits,
    operand,
    sizes_of,
)
from pyjsml.kernels.ops import slices


def index(importer: Any, node: Any) -> Any:
    """Convert indexing; TVM's own drops the axes of length 1 before the indexed ones."""
    builder = importer.block_builder
    data = importer.env[node.args[0]]
    given = _indices(importer, node)
    if any(dtype_of(each) == "bool" for each in given.values()):
        raise ModelError("the shape of what a mask selects depends on the mask")
    if len(given) == 1:
        ((axis, indices),) = given.items()
        return builder.emit(relax.op.take(data, indices, axis))
    shape, coordinates = _coordinates(importer, node, given)
    axes = list(given)
    rest = [axis for axis in range(data.ty.ndim) if axis not in given]
    moved = builder.emit(relax.op.permute_dims(data, [*axes, *rest]))
    picked = builder.emit(relax.op.gather_nd(moved, coordinates))
    if not _adjacent(axes):
        return picked
    # Adjacent indices leave their axes where the indexed ones were.
    count, before = len(shape), axes[0]
    behind = range(count + before, count + len(rest))
    order = [*range(count, count + before), *range(count), *behind]
    return builder.emit(relax.op.permute_dims(picked, order))


def index_put(importer: Any, node: Any) -> Any:
    """Convert an assignment to indexed elements, or to those that a mask selects."""
    builder = importer.block_builder
    data, _, values, accumulate = arguments(importer, node, False)
    given = _indices(importer, node)
    masks = [each for each in given.values() if dtype_of(each) == "bool"]
    if masks:
        if len(given) > 1 or values.ty.ndim or accumulate or masks[0].ty.ndim > data.ty.ndim:
            raise ModelError("of assignments by mask only that of one number can be compiled")
        shape = [*masks[0].ty.shape, *[1] * (data.ty.ndim - masks[0].ty.ndim)]
        mask = builder.emit(relax.op.reshape(masks[0], shape))
        return builder.emit(relax.op.where(mask, values, data))
    shape, coordinates = _coordinates(importer, node, given)
    axes = list(given)
    rest = [axis for axis in range(data.ty.ndim) if axis not in given]
    order = [*axes, *rest]
    moved = builder.emit(relax.op.permute_dims(data, order))
    # Adjacent indices leave their axes where the indexed ones were, others come first.
    before = axes[0] if _adjacent(axes) else 0
    lengths = [data.ty.shape[axis] for axis in rest]
    target = [*lengths[:before], *shape, *lengths[before:]]
    updates = builder.emit(relax.op.broadcast_to(values, target))
    if before:
        count = len(shape)
        behind = range(before + count, len(target))
        front = [*range(before, before + count), *range(before), *behind]
        updates = builder.emit(relax.op.permute_dims(updates, front))
    reduction = "add" if accumulate else "update"
    written = builder.emit(relax.op.scatter_nd(moved, coordinates, updates, reduction))
    return builder.emit(relax.op.permute_dims(written, [order.index(a) for a in range(len(order))]))


def slice_axis(importer: Any, node: Any) -> Any:
    """Convert a slice along one axis."""
    data, axis, start, end, step = arguments(importer, node, 0, None, None, 1)
    start = 0 if start is None else start
    end = sys.maxsize if end is None else end
    return strided_slice(importer.block_builder, data, [axis], [start], [end], [step])


def slice_scatter(importer: Any, node: Any) -> Any:
    """Convert an assignment to a slice; TVM's own reads what lies behind the assigned values."""
    data, updates, axis, start, _, step = arguments(importer, node, 0, None, None, 1)
    axis %= data.ty.ndim
    first = within(importer.block_builder, start or 0, data.ty.shape[axis])
    return importer.block_builder.emit_te(
        slices.slice_scatter,
        data,
        updates,
        axis,
        int(first) if isinstance(first, IntImm) else first,
        step,
        primfunc_name_hint="slice_scatter",
    )


def scatter_add(importer: Any, node: Any) -> Any:
    """Convert scatter_add."""
    data, axis, indices, updates = importer.retrieve_args(node)
    scattered = relax.op.scatter_elements(data, indices, updates, axis, "add")
    return importer.block_builder.emit(scattered)


def select_scatter(importer: Any, node: Any) -> Any:
    """Convert select_scatter, an assignment to what one index of an axis selects."""
    builder = importer.block_builder
    data, source, axis, index = importer.retrieve_args(node)
    axis %= data.ty.ndim
    size = data.ty.shape[axis]
    places = builder.emit(relax.op.arange(0, size, 1, "int64"))
    place = operand(
        importer, index + size if isinstance(index, int) and index < 0 else index, "int64"
    )
    written = builder.emit(relax.op.equal(places, place))
    shape = [size if each == axis else 1 for each in range(data.ty.ndim)]
    mask = builder.emit(relax.op.reshape(written, shape))
    return builder.emit(relax.op.where(mask, relax.op.expand_dims(source, axis), data))


def unfold(importer: Any, node: Any) -> Any:
    """Convert unfold: windows of an axis become rows of a new one, behind all others."""
    builder = importer.block_builder
    data, axis, size, step = importer.retrieve_args(node)
    axis %= data.ty.ndim
    count = sizes_of(importer, node.meta["val"])[axis]
    firsts = builder.emit(relax.op.arange(0, count, 1, "int64"))
    firsts = builder.emit(relax.op.multiply(firsts, relax.const(step, "int64")))
    within = relax.const(np.arange(size)[None], "int64")
    places = builder.emit(relax.op.add(relax.op.expand_dims(firsts, 1), within))
    windows = builder.emit(relax.op.take(data, places, axis))
    order = [each for each in range(data.ty.ndim + 1) if each != axis + 1]
    return builder.emit(relax.op.permute_dims(windows, [*order, axis + 1]))


_REDUCTIONS = {"sum": "add", "mean": "add", "prod": "mul", "amax": "max", "amin": "min"}


def scatter_reduce(importer: Any, node: Any) -> Any:
    """Convert scatter_reduce, with or without what was there."""
    builder = importer.block_builder
    data, axis, indices, updates, how, *_ = importer.retrieve_args(node)
    dtype = dtype_of(data)

    def filled(like: Any, value: Any) -> Any:
        return builder.emit(relax.op.broadcast_to(relax.const(value, dtype), like.ty.shape))

    def scattered(base: Any, values: Any, reduction: str) -> Any:
        return builder.emit(relax.op.scatter_elements(base, indices, values, axis, reduction))

    counts = filled(data, 1)
    if not node.kwargs.get("include_self", True):
        lowest, highest = limits(dtype)
        starts = {"sum": 0, "mean": 0, "prod": 1, "amax": lowest, "amin": highest}
        data = scattered(data, filled(updates, starts[how]), "update")
        counts = scattered(counts, filled(updates, 0), "update")
    result = scattered(data, updates, _REDUCTIONS[how])
    if how != "mean":
        return result
    divide = relax.op.divide if dtype.startswith("float") else relax.op.floor_divide
    return builder.emit(divide(result, scattered(counts, filled(updates, 1), "add")))


def _indices(importer: Any, node: Any) -> dict[int, Any]:
    """Return the index tensor of each axis that has one."""
    return {axis: importer.env[i] for axis, i in enumerate(node.args[1]) if i is not None}


def _coordinates(importer: Any, node: Any, given: dict[int, Any]) -> tuple[list[Any], Any]:
    """Return the shape of the index tensors, broadcast, and all of them along one more axis."""
    builder = importer.block_builder
    shape = broadcast_shape(importer, [i.meta["val"] for i in node.args[1] if i is not None])
    parts = []
    for each in given.values():
        wide = builder.emit(relax.op.broadcast_to(relax.op.astype(each, "int64"), shape))
        parts.append(builder.emit(relax.op.expand_dims(wide, len(shape))))
    return shape, builder.emit(relax.op.concat(parts, len(shape)))


def _adjacent(axes: list[int]) -> bool:
    return axes == list(range(axes[0], axes[-1] + 1))
