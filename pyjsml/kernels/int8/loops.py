"""Loops of the kernels in `int8`: register tiles whose step is a `dot` of four bytes per lane.

    acc[row][0..3] acc[row][4..7]  +=  dot(w[k, 0..3], x[row, k]) dot(w[k, 4..7], x[row, k])

A step of k is a group of four bytes. A tile is 4 rows of one panel, which is two vectors: it takes
8 accumulators, two vectors of weights and one of activations, of the 16 registers that x86 has.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from tvm import ir, tirx

from pyjsml.kernels.int8.depthwise import depthwise
from pyjsml.kernels.int8.dot import VECTOR, spread
from pyjsml.kernels.int8.factors import factors, started
from pyjsml.kernels.int8.int8 import GROUP
from pyjsml.kernels.int8.tile import (
    Place,
    add_dot,
    beginner,
    each_row_tile,
    finish_tile,
    load_bytes,
    row_at,
)
from pyjsml.kernels.int8.words import WideRows
from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest, stride
from pyjsml.kernels.loops.spans import Span, row_spans
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter, allocate, local, sequence, serial
from pyjsml.kernels.tir.expression import constant, integer, substitute, uses
from pyjsml.kernels.tir.opaque import kept

ROWS = 4
BLOCK_BYTES = 16 * 1024
"""What a block of rows may take of the first-level cache while the panels of weights pass by."""


def int8_loops(emitter: Emitter, nest: Nest, *, dots: bool) -> Tiled | None:
    """Return the loops of `nest`, or None if it is no product that `int8` defines.

    `dots` says that the target has the instruction of `dot`.
    """
    found = factors(nest)
    if found is None:
        return None
    x, weight = found.x, found.weight
    column = nest.axes[-1]
    nest, start = started(emitter, nest)
    lane = emitter.axis("lane", PANEL)
    panel = emitter.axis("panel", tirx.floordiv(column.extent + (PANEL - 1), PANEL))
    at = {column.var: panel.var * PANEL + lane.var}
    packed = emitter.simplify(substitute(weight.indices[0], at))
    if constant(column.extent) is None or stride(emitter, packed, lane.var) != GROUP:
        return None
    if not uses(x.indices[0], [column.var]):
        inner = nest.reduced[-1]
        groups = constant(inner.extent) == GROUP and all(
            stride(emitter, load.indices[0], inner.var) == 1 for load in (x, weight)
        )
        known = groups and not found.limits
        return _matrix(emitter, nest, x, weight, start, dots=dots) if known else None
    written_out = all(constant(axis.extent) is not None for axis in nest.reduced)
    whole = int(column.extent) % PANEL == 0
    if (
        whole
        and written_out
        and len(nest.reduced) == 2
        and stride(emitter, x.indices[0], column.var) == 1
    ):
        return depthwise(emitter, nest, found, start)
    return None


def _matrix(
    emitter: Emitter,
    nest: Nest,
    x: ir.TensorLoad,
    weight: ir.TensorLoad,
    start: ir.TensorLoad | None,
    *,
    dots: bool,
) -> Tiled:
    """Cover products and dense convolutions: blocks of rows, panels, then the tiles of a block."""
    *rest, column = nest.axes
    *steps, _ = nest.reduced
    row = rest[-1] if rest else None
    outer = rest[:-1]
    columns = -(-int(column.extent) // PANEL)
    begin = beginner(emitter, column, start)
    few = row is None or constant(row.extent) == 1
    wide = next((n for n in (4, 5, 3, 2) if few and columns % n == 0), 1)

    spans = row_spans(row.extent, ROWS) if row is not None else [Span(integer(0), integer(1), 1)]
    depth = GROUP
    for axis in steps:
        depth *= constant(axis.extent) or 1
    tiles = emitter.simplify(sum((span.count for span in spans), integer(0)))
    block = max(1, BLOCK_BYTES // (ROWS * depth))
    if (number := constant(tiles)) is not None:
        # Of equal size: a short one would have all the weights pass by for little.
        block = -(-number // max(1, -(-number // block)))
    b = emitter.axis("b", tirx.floordiv(tiles + (block - 1), block))
    j = emitter.axis("j", columns // wide)
    t = emitter.axis("t", tirx.min(tiles - b.var * block, block))
    held = None if dots else WideRows.of(emitter, x, row, nest.reduced, ROWS * block)

    def each(tile: Callable[[Place], tirx.Stmt]) -> tirx.Stmt:
        at = b.var * block + t.var
        body = each_row_tile(
            at, spans, lambda start, rows: tile(Place(start, rows, j.var * wide, wide))
        )
        return serial([t], body)

    def tile(place: Place) -> tirx.Stmt:
        total = local("total", "int32", place.size)
        sums = _sums(emitter, nest, x, weight, place, total)
        ends = finish_tile(emitter, nest, row, place, total)
        return allocate([total], sequence(begin(place, total), sums, ends))

    parallel = (*outer, b, j)
    if held is None:
        return Tiled(parallel, each(tile))
    fresh = tirx.Var("fresh", "bool")
    needed = tirx.any(fresh, tirx.EQ(j.var, 0))
    fill = each(lambda place: held.fill(place, t.var * ROWS))
    tiles = each(lambda place: held.tile(nest, weight, start, place, t.var * ROWS))
    body = sequence(tirx.IfThenElse(needed, fill, None), tiles)
    return Tiled(parallel, body, kept=(held.held,), fresh=fresh)


def _sums(
    emitter: Emitter,
    nest: Nest,
    x: ir.TensorLoad,
    weight: ir.TensorLoad,
    place: Place,
    total: tirx.Var,
) -> tirx.Stmt:
    """Add up the products of a tile by `dot`."""
    *rest, column = nest.axes
    *steps, group = nest.reduced
    row = rest[-1] if rest else None
    body = []
    for panel, half in product(range(place.panels), range(PANEL // LANES)):
        first = (place.panel + panel) * PANEL + half * LANES
        at = {column.var: first, group.var: integer(0)}
        bytes_ = load_bytes(emitter, weight, at, VECTOR)
        for number in range(place.rows):
            here = row_at(row, place.row + number) | {group.var: integer(0)}
            word = spread(load_bytes(emitter, x, here, GROUP))
            body.append(add_dot(total, place.element(number, panel, half * LANES), bytes_, word))
    return serial([*steps[:-1], *map(kept, steps[-1:])], sequence(*body))
