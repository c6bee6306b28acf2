"""Orders."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.tensors import dtype_name
from pyjsml.frontend.torch_ops.common import arguments, dtype_of, operand


def sort(importer: Any, node: Any) -> Any:
    """Convert sort: the values in order, and where they were."""
    builder = importer.block_builder
    data, axis, _ = _arguments(importer, node)
    places = argsort(importer, node)
    return builder.emit(relax.op.gather_elements(data, places, axis=axis)), places


def argsort(importer: Any, node: Any) -> Any:
    """Convert argsort; the order is stable, whether that is asked for or not."""
    data, axis, descending = _arguments(importer, node)
    numbers = operand(importer, data, "int32") if dtype_of(data) == "bool" else data
    order = relax.op.argsort(numbers, axis, descending, dtype="int64")
    return importer.block_builder.emit(order)


def topk(importer: Any, node: Any) -> Any:
    """Convert topk; the values are in order, whether that is asked for or not."""
    data, count, axis, largest, _ = arguments(importer, node, -1, True, True)
    found = relax.op.topk(data, count, axis, ret_type="both", largest=bool(largest), dtype="int64")
    return importer.block_builder.emit(found)


def kth_value(importer: Any, node: Any) -> Any:
    """Convert kthvalue: the one that as many are smaller than, and where it was."""
    builder = importer.block_builder
    data, count, axis, keep = arguments(importer, node, -1, False)
    axis %= max(data.ty.ndim, 1)
    order = builder.emit(relax.op.argsort(data, axis, dtype="int64"))
    only = relax.const([count - 1], "int64")
    place = builder.emit(relax.op.take(order, only, axis))
    value = builder.emit(relax.op.gather_elements(data, place, axis))
    results = (value, place)
    return (
        results if keep else tuple(builder.emit(relax.op.squeeze(each, [axis])) for each in results)
    )


def search_sorted(importer: Any, node: Any) -> Any:
    """Convert searchsorted: how many of a row are smaller, or not larger."""
    builder = importer.block_builder
    row, values = importer.retrieve_args(node)[:2]
    if node.kwargs.get("sorter") is not None:
        raise ModelError("rows are only searched that are sorted themselves, without a sorter")
    behind = node.kwargs.get("right", False) or node.kwargs.get("side") == "right"
    rows = builder.emit(relax.op.expand_dims(row, -2)) if row.ty.ndim > 1 else row
    each = builder.emit(relax.op.expand_dims(values, -1))
    before = builder.emit((relax.op.less_equal if behind else relax.op.less)(rows, each))
    dtype = dtype_name(node.meta["val"].dtype)
    return builder.emit(relax.op.sum(relax.op.astype(before, dtype), -1))


def _arguments(importer: Any, node: Any) -> tuple[Any, int, bool]:
    """Return what is put in order, along which axis, and whether from the largest down."""
    names = [argument.name for argument in node.target._schema.arguments]
    given = dict(zip(names, importer.retrieve_args(node), strict=False)) | dict(node.kwargs)
    data = given[names[0]]
    axis = int(given.get("dim", -1)) % max(data.ty.ndim, 1)
    return data, axis, bool(given.get("descending", False))
