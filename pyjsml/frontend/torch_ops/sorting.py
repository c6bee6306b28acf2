"""Orders."""

from __future__ import annotations

from typing import Any

from tvm import relax

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


def _arguments(importer: Any, node: Any) -> tuple[Any, int, bool]:
    """Return what is put in order, along which axis, and whether from the largest down."""
    names = [argument.name for argument in node.target._schema.arguments]
    given = dict(zip(names, importer.retrieve_args(node), strict=False)) | dict(node.kwargs)
    data = given[names[0]]
    axis = int(given.get("dim", -1)) % max(data.ty.ndim, 1)
    return data, axis, bool(given.get("descending", False))
