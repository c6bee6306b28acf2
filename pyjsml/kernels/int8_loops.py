"""Loops of the kernels in `int8`: register tiles whose step is a `dot` of four bytes per lane.

    acc[row][0..3] acc[row][4..7]  +=  dot(w[k, 0..3], x[row, k]) dot(w[k, 4..7], x[row, k])

A step of k is a group of four bytes. A tile is 4 rows of one panel, which is two vectors: it takes
8 accumulators, two vectors of weights and one of activations, of the 16 registers that x86 has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.dot import dot, interleave, spread
from pyjsml.kernels.emit import Emitter, allocate, local, sequence, serial, store, vectorized
from pyjsml.kernels.expression import constant, dtype, integer, substitute, uses
from pyjsml.kernels.int8 import GROUP
from pyjsml.kernels.layout import PANEL
from pyjsml.kernels.nest import Accumulator, Nest, Result, stride
from pyjsml.kernels.stage import Axis
from pyjsml.kernels.tile import Span, Tiled, row_spans

ROWS = 4
LANES = 4
VECTOR = LANES * GROUP
BLOCK_BYTES = 16 * 1024
"""What a block of rows may take of the first-level cache while the panels of weights pass by."""


def int8_loops(emitter: Emitter, nest: Nest) -> Tiled | None:
    """Return the loops of `nest`, or None if it is no product that `int8` defines."""
    found = _factors(nest)
    if found is None:
        return None
    x, weight = found
    column = nest.axes[-1]
    nest, start = _started(emitter, nest)
    lane = emitter.axis("lane", PANEL)
    panel = emitter.axis("panel", tirx.floordiv(column.extent + (PANEL - 1), PANEL))
    at = {column.var: panel.var * PANEL + lane.var}
    packed = emitter.simplify(substitute(weight.indices[0], at))
    if constant(column.extent) is None or stride(emitter, packed, lane.var) != GROUP:
        return None
    if not uses(x.indices[0], [column.var]):
        inner = nest.reduced[-1]
        groups = constant(inner.extent) == GROUP and all(
            stride(emitter, load.indices[0], inner.var) == 1 for load in found
        )
        return _matrix(emitter, nest, x, weight, start) if groups else None
    written_out = all(constant(axis.extent) is not None for axis in nest.reduced)
    whole = int(column.extent) % PANEL == 0
    if (
        whole
        and written_out
        and len(nest.reduced) == 2
        and stride(emitter, x.indices[0], column.var) == 1
    ):
        return _depthwise(emitter, nest, x, weight, start)
    return None


def _factors(nest: Nest) -> tuple[ir.TensorLoad, ir.TensorLoad] | None:
    """Return the loads of uint8 and int8 whose product is all that `nest` adds up."""
    if len(nest.accumulators) != 1 or not nest.axes or not nest.reduced:
        return None
    (accumulator,) = nest.accumulators
    update = accumulator.update
    if not isinstance(update, tirx.Add) or dtype(update) != "int32":
        return None
    if not isinstance(update.a, tirx.Var) or not isinstance(update.b, tirx.Mul):
        return None
    sides = [update.b.a, update.b.b]
    if not all(isinstance(s, tirx.Cast) and isinstance(s.value, ir.TensorLoad) for s in sides):
        return None
    x, weight = (side.value for side in sides)
    kinds = (dtype(x), dtype(weight))
    return (x, weight) if kinds == ("uint8", "int8") else None


@dataclass(frozen=True)
class _Place:
    """Where a tile of `rows` rows and `panels` panels starts."""

    row: Any
    rows: int
    panel: Any
    panels: int = 1

    @property
    def size(self) -> int:
        """The elements of the tile."""
        return self.rows * self.panels * PANEL

    def element(self, row: int, panel: int, lane: Any = 0) -> Any:
        """Return the place of an element in the accumulators."""
        return (row * self.panels + panel) * PANEL + lane


def _started(emitter: Emitter, nest: Nest) -> tuple[Nest, ir.TensorLoad | None]:
    """Return `nest` without the vector over the columns that its results add to the sum, and that.

    The sums can start with it, which saves the addition, where it fills whole panels: it has no
    padding that could be read.
    """
    (accumulator,) = nest.accumulators
    *rest, column = nest.axes
    found: list[ir.TensorLoad] = []
    whole = tirx.Var("whole", "int32")

    def add(node: tirx.Add, mutator: Any) -> Any:
        sum_, vector = node.a, node.b
        if not isinstance(sum_, tirx.Var) or not sum_.same_as(accumulator.value):
            return mutator.default_mutate(node)
        if not isinstance(vector, ir.TensorLoad) or uses(vector, [axis.var for axis in rest]):
            return mutator.default_mutate(node)
        if stride(emitter, vector.indices[0], column.var) != 1:
            return mutator.default_mutate(node)
        found.append(vector)
        return whole

    results = tuple(
        Result(r.flat, r.index, tvm_ffi.structural_mutate(r.value, [(tirx.Add, add)]))
        for r in nest.results
    )
    same = all(tvm_ffi.structural_equal(vector, found[0]) for vector in found)
    whole_panels = (constant(column.extent) or 1) % PANEL == 0
    if (
        not found
        or not same
        or not whole_panels
        or any(uses(r.value, [accumulator.value]) for r in results)
    ):
        return nest, None
    started = Accumulator(whole, accumulator.init, accumulator.update)
    return replace(nest, accumulators=(started,), results=results), found[0]


def _matrix(
    emitter: Emitter,
    nest: Nest,
    x: ir.TensorLoad,
    weight: ir.TensorLoad,
    start: ir.TensorLoad | None,
) -> Tiled:
    """Cover products and dense convolutions: blocks of rows, panels, then the tiles of a block."""
    *rest, column = nest.axes
    *steps, group = nest.reduced
    row = rest[-1] if rest else None
    outer = rest[:-1]
    columns = -(-int(column.extent) // PANEL)
    begin = _beginner(emitter, column, start)
    few = row is None or constant(row.extent) == 1
    wide = next((n for n in (4, 5, 3, 2) if few and columns % n == 0), 1)

    def tile(place: _Place) -> tirx.Stmt:
        total = local("total", "int32", place.size)
        body = []
        for panel, half in product(range(place.panels), range(PANEL // LANES)):
            first = (place.panel + panel) * PANEL + half * LANES
            at = {column.var: first, group.var: integer(0)}
            bytes_ = _bytes(emitter, weight, at, VECTOR)
            for number in range(place.rows):
                here = _row_at(row, place.row + number) | {group.var: integer(0)}
                word = spread(_bytes(emitter, x, here, GROUP))
                body.append(_add(total, place.element(number, panel, half * LANES), bytes_, word))
        sums = serial(steps, sequence(*body))
        ends = _ends(emitter, nest, row, place, total)
        return allocate([total], sequence(begin(place, total), sums, ends))

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
    body = _rows(
        b.var * block + t.var,
        spans,
        lambda start, rows: tile(_Place(start, rows, j.var * wide, wide)),
    )
    return Tiled((*outer, b, j), serial([t], body))


def _depthwise(
    emitter: Emitter,
    nest: Nest,
    x: ir.TensorLoad,
    weight: ir.TensorLoad,
    start: ir.TensorLoad | None,
) -> Tiled:
    """Cover depthwise convolutions, whose window is small: it is written out.

    The bytes of a column of the window are interleaved once, for all pixels of a tile that see it.
    """
    *outer, row, column = nest.axes
    across, down = nest.reduced
    begin = _beginner(emitter, column, start)
    width, height = int(across.extent), int(down.extent)

    def tile(place: _Place) -> tirx.Stmt:
        total = local("total", "int32", place.size)
        body = []
        for kw, first in product(range(width), range(0, height, GROUP)):
            window = {across.var: integer(kw), column.var: place.panel * PANEL}
            taps = [{**window, down.var: integer(kh)} for kh in range(first, height)][:GROUP]
            columns = [
                interleave(
                    [
                        _bytes(emitter, x, at | _row_at(row, place.row + number), PANEL)
                        for at in taps
                    ]
                )
                for number in range(place.rows)
            ]
            for half, number in product(range(PANEL // LANES), range(place.rows)):
                at = {**taps[0], column.var: place.panel * PANEL + half * LANES}
                bytes_ = _bytes(emitter, weight, at, VECTOR)
                element = place.element(number, 0, half * LANES)
                body.append(_add(total, element, bytes_, columns[number][half]))
        ends = _ends(emitter, nest, row, place, total)
        return allocate([total], sequence(begin(place, total), *body, ends))

    spans = row_spans(row.extent, ROWS)
    t = emitter.axis("t", sum((span.count for span in spans), integer(0)))
    j = emitter.axis("j", tirx.floordiv(column.extent, PANEL))
    body = _rows(t.var, spans, lambda start, rows: tile(_Place(start, rows, j.var)))
    return Tiled(tuple(outer), serial([t, j], body))


def _rows(at: Any, spans: Sequence[Span], tile: Callable[[Any, int], tirx.Stmt]) -> tirx.Stmt:
    """Run the tile whose number over all spans is `at`."""
    span, *later = spans
    body = tile(span.start + at * span.size, span.size)
    if not later:
        return body
    return tirx.IfThenElse(at < span.count, body, _rows(at - span.count, later, tile))


def _row_at(row: Axis | None, position: Any) -> dict[tirx.Var, Any]:
    return {} if row is None else {row.var: position}


def _bytes(emitter: Emitter, load: ir.TensorLoad, at: dict[tirx.Var, Any], count: int) -> Any:
    """Load `count` neighbours from where `load` is `at`."""
    base = emitter.simplify(substitute(load.indices[0], at))
    return tirx.BufferLoad(load.source, [tirx.Ramp(base, integer(1), count)])


def _add(total: tirx.Var, element: int, weights: Any, activations: Any) -> tirx.Stmt:
    place = tirx.Ramp(integer(element), integer(1), LANES)
    value = dot(weights, activations, tirx.BufferLoad(total, [place]))
    return tirx.BufferStore(total, value, [place])


def _beginner(
    emitter: Emitter, column: Axis, start: ir.TensorLoad | None
) -> Callable[[_Place, tirx.Var], tirx.Stmt]:
    """Return what starts the sums of a tile: zeros, or what `start` has for the columns."""

    def begin(place: _Place, total: tirx.Var) -> tirx.Stmt:
        stores = []
        for row, panel in product(range(place.rows), range(place.panels)):
            for first in range(0, PANEL, LANES):
                at = tirx.Ramp(integer(place.element(row, panel, first)), integer(1), LANES)
                value = tirx.Broadcast(integer(0), LANES)
                if start is not None:
                    where = {column.var: (place.panel + panel) * PANEL + first}
                    value = _bytes(emitter, start, where, LANES)
                stores.append(tirx.BufferStore(total, value, [at]))
        return sequence(*stores)

    return begin


def _ends(
    emitter: Emitter, nest: Nest, row: Axis | None, place: _Place, total: tirx.Var
) -> tirx.Stmt:
    """Store the results of a tile; of the last panel only the columns that there are."""
    column = nest.axes[-1]
    (accumulator,) = nest.accumulators
    length = int(column.extent)

    def stores(columns: int) -> tirx.Stmt:
        parts = []
        for number, panel in product(range(place.rows), range(place.panels)):
            inside = columns if panel == place.panels - 1 else PANEL
            for first, size in _pieces(inside):
                lane = emitter.axis("lane", size)
                at = _row_at(row, place.row + number)
                at[column.var] = (place.panel + panel) * PANEL + first + lane.var
                here = nest.rewrite(lambda e, at=at: emitter.resimplify(substitute(e, at)))
                element = place.element(number, panel, first + lane.var)
                held = {accumulator.value: tirx.BufferLoad(total, [element])}
                for r in here.results:
                    end = store(r.flat, emitter.simplify(r.index), substitute(r.value, held))
                    parts.append(
                        vectorized(lane, end)
                        if size > 1
                        else substitute(end, {lane.var: integer(0)})
                    )
        return sequence(*parts)

    if length % PANEL == 0:
        return stores(PANEL)
    last = tirx.EQ((place.panel + place.panels) * PANEL, integer(-(-length // PANEL) * PANEL))
    return tirx.IfThenElse(emitter.simplify(last), stores(length % PANEL), stores(PANEL))


def _pieces(columns: int) -> list[tuple[int, int]]:
    """Cut the columns of a panel into vectors and single ones."""
    pieces = []
    start = 0
    for size in (PANEL, LANES, 1):
        while columns - start >= size:
            pieces.append((start, size))
            start += size
    return pieces
