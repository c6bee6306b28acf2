"""Which loops a nest gets: register tile, vector along an axis, or one point at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.int8.loops import int8_loops
from pyjsml.kernels.int8.pixels import pixel_map
from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.few_columns import few_columns
from pyjsml.kernels.loops.maps import map_elements
from pyjsml.kernels.loops.nest import Nest, merge, split, steady, without_reduction
from pyjsml.kernels.loops.reduce import can_reduce_lanes, horizontal, reduce_lanes, reduce_points
from pyjsml.kernels.loops.spans import Tile
from pyjsml.kernels.loops.streams import streams
from pyjsml.kernels.loops.tile import Tiled, tile
from pyjsml.kernels.loops.windows import windows
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, dtype, item_bytes, loads, substitute, uses
from pyjsml.kernels.tir.guards import lift
from pyjsml.kernels.tir.stage import Axis

BLOCK_BYTES = 64 * 1024
"""What a block of rows may take of the cache while the panels of weights pass by."""

ROWS = 4
"""The register tile: 4 rows of one panel, which is two vectors of 4 lanes.

It takes 8 accumulators, enough to hide a multiply-add's latency, and at most 14 vectors in all: an
engine on x86 has 16 registers, and LLVM reorders the loads as it likes.
"""

SPLITS = 2
"""Partial sums where there are but one or two rows: 2 beat 1 and 4, and one panel at a time beat
neighbours, whose streams get in the way of each other's prefetching."""

NEAR_PANELS = (4, 2, 1)
"""Panels at once of one row whose weights the second-level cache holds, the best first: they arrive
as fast as a core can load them, so each element of the row should be loaded for many."""

NEAR_BYTES = 1024 * 1024
"""Weights up to this size stay in the second-level cache from one run to the next."""

PARTIAL_VECTORS = 4
"""Vectors of partial results that a reduction along a row has: each waits only for itself."""

ITEM = 4
"""Bytes of a float32."""

RESIDENT_BYTES = 256 * 1024
"""Weights beyond this size are read from outside the second-level cache once per pass."""


def loops(
    emitter: Emitter, nest: Nest, parameters: Parameters | None = None, *, dots: bool = True
) -> Tiled:
    """Return the loops of `nest`, cut as `parameters` say or as the cost model does.

    `dots` says that the target has the instruction of `dot`.
    """
    nest = merge(emitter, split(emitter, nest))
    if not nest.reduced:
        nest = without_reduction(nest)
        return pixel_map(emitter, nest) or map_elements(emitter, nest, vector_width(nest))
    if (tiled := int8_loops(emitter, nest, dots=dots)) is not None:
        return tiled
    if nest.axes and _tileable(emitter, nest, nest.axes[-1]):
        return _tile(emitter, nest, parameters)
    if (tiled := few_columns(emitter, nest)) is not None:
        return tiled
    if can_reduce_lanes(emitter, nest):
        return reduce_lanes(emitter, nest, LANES, PARTIAL_VECTORS)
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


def _tile(emitter: Emitter, nest: Nest, parameters: Parameters | None) -> Tiled:
    *rest, column = nest.axes
    row = _row(rest, nest, column)
    nest = lift(nest, row, column)
    padded = _padded(emitter, nest, column)
    if not _reused(nest, row, column):
        if row is not None and len(rest) > 1:
            return windows(emitter, nest, row, column, padded=padded)
        # Sums over what is no picture.
        small = Tile(rows=4, width=LANES, unroll=3)
        return tile(emitter, nest, row, column, small, padded=padded, block=1)
    size = Product(
        depth=_extents(nest.reduced),
        rows=1 if row is None else constant(row.extent),
        columns=constant(column.extent),
        outer=_extents([axis for axis in rest if axis is not row]),
    )
    chosen = parameters
    if chosen is None or not size.spans(chosen.panels):
        chosen = size.parameters(padded=padded, blocked=len(rest) < 2)
    shape = Tile(
        chosen.rows,
        LANES,
        PANEL // LANES * chosen.panels,
        chosen.unroll,
        splits=chosen.splits if horizontal(nest) else 1,
    )
    by_column = padded and chosen.by_column
    far = by_column and chosen.panels == 1 and not size.near
    made = streams(emitter, nest, column, shape) if far else None
    if made is None:
        made = tile(
            emitter,
            nest,
            row,
            column,
            shape,
            padded=padded,
            by_column=by_column,
            block=chosen.block or None,
        )
    return replace(made, parameters=chosen)


def _extents(axes: Sequence[Axis]) -> int:
    """Multiply the extents that are constant."""
    total = 1
    for axis in axes:
        total *= constant(axis.extent) or 1
    return total


@dataclass(frozen=True)
class Product:
    """The sizes of a matrix product or convolution; None where they vary."""

    depth: int
    rows: int | None
    columns: int | None
    outer: int

    def parameters(self, *, padded: bool, blocked: bool) -> Parameters:
        """Return what the cost model chooses; `blocked` says that rows go in blocks."""
        return Parameters(
            rows=ROWS,
            panels=self.panels,
            unroll=1,
            block=self.block if blocked else 0,
            by_column=padded and self.by_column,
            splits=self.splits,
        )

    def spans(self, panels: int) -> bool:
        """Tell whether tiles of `panels` panels cover the weights and read nothing behind them."""
        return panels == 1 or (self.columns is not None and -(-self.columns // PANEL) % panels == 0)

    @property
    def panels(self) -> int:
        """How many panels of weights pass by at once."""
        return next(filter(self.spans, NEAR_PANELS)) if self.near else 1

    @property
    def splits(self) -> int:
        """How many partial sums hide a multiply-add's latency where a tile has few sums."""
        if self.near:
            return NEAR_PANELS[0] // self.panels
        return SPLITS if self.rows in (1, 2) else 1

    @property
    def near(self) -> bool:
        """Whether there is one row, and its weights stay in the second-level cache."""
        if self.rows != 1 or self.columns is None:
            return False
        return ITEM * self.depth * self.columns <= NEAR_BYTES

    @property
    def by_column(self) -> bool:
        """Whether the weights, which are then read once, are what the cache can't hold."""
        if self.columns is None or self.rows is None:
            return False
        weights = ITEM * self.depth * self.columns
        rows = ITEM * self.depth * self.rows * self.outer
        return self.rows == 1 or (weights > RESIDENT_BYTES and rows < weights)

    @property
    def block(self) -> int:
        """How many row tiles stay in the cache while the panels of weights pass by."""
        return max(1, BLOCK_BYTES // (ITEM * ROWS * self.depth))


def _row(axes: Sequence[Axis], nest: Nest, column: Axis) -> Axis | None:
    """Return the axis whose steps share a load along the columns, such as a weight."""
    indices = [load.indices[0] for value in nest.body for load in loads(value)]
    along = [index for index in indices if uses(index, [column.var])]
    shared = [a for a in axes if any(not uses(index, [a.var]) for index in along)]
    return next(reversed(shared or list(axes)), None)


def _reused(nest: Nest, row: Axis | None, column: Axis) -> bool:
    """Tell whether some load is the same for all rows and another for all columns: a product."""
    indices = [load.indices[0] for value in nest.body for load in loads(value)]
    along_row = row is None or any(not uses(index, [row.var]) for index in indices)
    return along_row and any(not uses(index, [column.var]) for index in indices)
