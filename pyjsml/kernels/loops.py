"""Which loops a nest gets: register tile, vector along an axis, or one point at a time."""

from __future__ import annotations

from typing import Any

from tvm import tirx

from pyjsml.kernels.emit import Emitter
from pyjsml.kernels.expression import constant, dtype, item_bytes, loads, substitute, uses
from pyjsml.kernels.layout import PANEL
from pyjsml.kernels.maps import map_elements
from pyjsml.kernels.nest import Nest, merge, steady, without_reduction
from pyjsml.kernels.reduce import can_reduce_lanes, reduce_lanes, reduce_points
from pyjsml.kernels.stage import Axis
from pyjsml.kernels.tile import Tile, Tiled, tile

BLOCK_BYTES = 64 * 1024
"""What a block of rows may take of the cache while the panels of weights pass by."""

RESIDENT_BYTES = 256 * 1024
"""Weights beyond this size are read from outside the second-level cache once per pass."""


def loops(emitter: Emitter, nest: Nest) -> Tiled:
    """Return the loops of `nest`."""
    nest = merge(emitter, nest)
    if not nest.reduced:
        nest = without_reduction(nest)
        return map_elements(emitter, nest, vector_width(nest))
    if nest.axes and _tileable(emitter, nest, nest.axes[-1]):
        return _tile(emitter, nest)
    if can_reduce_lanes(emitter, nest):
        width = vector_width(nest)
        return reduce_lanes(emitter, nest, min(width, 4), max(width // 4, 1))
    return reduce_points(emitter, nest)


def vector_width(nest: Nest) -> int:
    """Return how many elements of a nest a step takes: several vectors where elements are cheap."""
    sizes = [item_bytes(dtype(result.flat)) for result in nest.results]
    return 16 if all(size == 1 for size in sizes) else 4


def _tileable(emitter: Emitter, nest: Nest, column: Axis) -> bool:
    size = constant(column.extent)
    if size is not None and size < 3:
        return False
    lane = emitter.axis("lane", PANEL)
    panel = emitter.axis("panel", tirx.floordiv(column.extent + (PANEL - 1), PANEL))
    body = [_at(emitter, value, column, panel.var * PANEL + lane.var) for value in nest.body]
    return steady(emitter, body, lane.var)


def _at(emitter: Emitter, value: Any, axis: Axis, position: Any) -> Any:
    return emitter.resimplify(substitute(value, {axis.var: position}))


def _padded(emitter: Emitter, nest: Nest, column: Axis) -> bool:
    """Tell whether the reduction may run for columns behind the last one, up to a full panel."""
    if constant(column.extent) is None:
        return False
    lane = emitter.axis("lane", PANEL)
    panel = emitter.axis("panel", tirx.floordiv(column.extent + (PANEL - 1), PANEL))
    for accumulator in nest.accumulators:
        if uses(accumulator.init, [column.var]):
            return False
        value = _at(emitter, accumulator.update, column, panel.var * PANEL + lane.var)
        for load in loads(value):
            if not uses(load.indices[0], [panel.var, lane.var]):
                continue
            size = constant(load.source.shape[0])
            bound = emitter.analyzer.const_int_bound(load.indices[0])
            if size is None or bound.max_value >= size or bound.min_value < 0:
                return False
    return True


def _tile(emitter: Emitter, nest: Nest) -> Tiled:
    *rest, column = nest.axes
    row = rest[-1] if rest else None
    shared = _reused(nest, row, column)
    padded = _padded(emitter, nest, column)
    if not shared:
        return tile(emitter, nest, row, column, Tile(rows=4, width=4, unroll=3), padded=padded)
    depth = 1
    for axis in nest.reduced:
        depth *= constant(axis.extent) or 1
    length = constant(row.extent) if row is not None else 1
    rows = 4
    columns = constant(column.extent)
    vectors = 1
    if length is not None and length <= 2 and columns is not None:
        vectors = max(1, min(4 if length == 1 else 2, columns // PANEL))
    if columns is not None and columns % (PANEL * vectors):
        vectors = 1
    block = max(1, BLOCK_BYTES // (4 * rows * depth))
    by_column = False
    if columns is not None and length is not None:
        outer = 1
        for axis in rest[:-1]:
            outer *= constant(axis.extent) or 1
        weights = 4 * depth * columns
        by_column = padded and weights > RESIDENT_BYTES and outer * length * depth * 4 < weights
        if vectors > 1:
            by_column = padded
    return tile(
        emitter,
        nest,
        row,
        column,
        Tile(rows, 4, 2 * vectors),
        padded=padded,
        by_column=by_column,
        block=None if len(nest.axes) > 2 else block,
    )


def _reused(nest: Nest, row: Axis | None, column: Axis) -> bool:
    """Tell whether some load is the same for all rows and another for all columns: a product."""
    indices = [load.indices[0] for value in nest.body for load in loads(value)]
    along_row = row is None or any(not uses(index, [row.var]) for index in indices)
    return along_row and any(not uses(index, [column.var]) for index in indices)
