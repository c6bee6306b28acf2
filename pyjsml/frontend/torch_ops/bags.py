"""Bags of embeddings: rows of a table, summed, averaged or compared bag by bag."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax

from pyjsml.frontend.torch_ops.common import arguments, dtype_of

_SUM, _MEAN, _MAX = range(3)


def embedding_bag(importer: Any, node: Any) -> Any:
    """Convert _embedding_bag, of whose results only the bags themselves are computed.

    `offsets` say where in `indices` each bag begins; a last one may say where the last bag ends.
    """
    builder = importer.block_builder
    table, indices, offsets, _, mode, _, factors, bounded, padding = arguments(
        importer, node, False, _SUM, False, None, False, -1
    )
    dtype = dtype_of(table)
    count, width = indices.ty.shape[0], table.ty.shape[1]
    bags = offsets.ty.shape[0] - (1 if bounded else 0)
    kept = builder.emit(relax.op.not_equal(indices, relax.const(padding, dtype_of(indices))))
    kept = builder.emit(relax.op.expand_dims(kept, 1))
    rows = builder.emit(relax.op.take(table, indices, 0, mode="clip"))
    if factors is not None:
        rows = builder.emit(relax.op.multiply(rows, relax.op.expand_dims(factors, 1)))
    start = -math.inf if mode == _MAX else 0.0
    rows = builder.emit(relax.op.where(kept, rows, relax.const(start, dtype)))
    places = _bags_of(builder, offsets, count)

    def gathered(values: Any, columns: Any, start: float, how: str) -> Any:
        empty = relax.op.broadcast_to(relax.const(start, dtype), [bags, columns])
        return builder.emit(relax.op.scatter_nd(builder.emit(empty), places, values, how))

    if mode == _SUM:
        return [gathered(rows, width, 0.0, "add")]
    counts = gathered(builder.emit(relax.op.astype(kept, dtype)), 1, 0.0, "add")
    if mode == _MEAN:
        counts = relax.op.maximum(counts, relax.const(1, dtype))
        return [builder.emit(relax.op.divide(gathered(rows, width, 0.0, "add"), counts))]
    largest = gathered(rows, width, start, "max")
    filled = builder.emit(relax.op.greater(counts, relax.const(0, dtype)))
    return [builder.emit(relax.op.where(filled, largest, relax.const(0, dtype)))]


def _bags_of(builder: Any, offsets: Any, count: Any) -> Any:
    """Return the number of the bag that each of `count` indices lies in, as [count, 1]."""
    numbers = builder.emit(relax.op.arange(0, count, 1, "int64"))
    numbers = builder.emit(relax.op.expand_dims(numbers, 1))
    starts = builder.emit(relax.op.expand_dims(relax.op.astype(offsets, "int64"), 0))
    begun = builder.emit(relax.op.less_equal(starts, numbers))
    places = builder.emit(relax.op.sum(relax.op.astype(begun, "int64"), 1, keepdims=True))
    return builder.emit(relax.op.subtract(places, relax.const(1, "int64")))
