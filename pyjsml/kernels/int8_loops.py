"""Loops of the kernels in `int8`: register tiles whose step is a `dot` of four bytes per lane.

    acc[row][0..3] acc[row][4..7]  +=  dot(w[k, 0..3], x[row, k]) dot(w[k, 4..7], x[row, k])

A step of k is a group of four bytes. A tile is 4 rows of one panel, which is two vectors: it takes
8 accumulators, two vectors of weights and one of activations, of the 16 registers that x86 has.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.dot import interleave, spread
from pyjsml.kernels.emit import Emitter, allocate, local, sequence, serial
from pyjsml.kernels.expression import constant, dtype, integer, substitute, uses
from pyjsml.kernels.int8 import GROUP
from pyjsml.kernels.int8_tile import (
    LANES,
    Place,
    add_dot,
    beginner,
    each_row_tile,
    finish_tile,
    load_bytes,
    row_at,
)
from pyjsml.kernels.layout import PANEL
from pyjsml.kernels.nest import Accumulator, Nest, Result, stride
from pyjsml.kernels.tile import Span, Tiled, row_spans

ROWS = 4
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
    begin = beginner(emitter, column, start)
    few = row is None or constant(row.extent) == 1
    wide = next((n for n in (4, 5, 3, 2) if few and columns % n == 0), 1)

    def tile(place: Place) -> tirx.Stmt:
        total = local("total", "int32", place.size)
        body = []
        for panel, half in product(range(place.panels), range(PANEL // LANES)):
            first = (place.panel + panel) * PANEL + half * LANES
            at = {column.var: first, group.var: integer(0)}
            bytes_ = load_bytes(emitter, weight, at, VECTOR)
            for number in range(place.rows):
                here = row_at(row, place.row + number) | {group.var: integer(0)}
                word = spread(load_bytes(emitter, x, here, GROUP))
                body.append(
                    add_dot(total, place.element(number, panel, half * LANES), bytes_, word)
                )
        sums = serial(steps, sequence(*body))
        ends = finish_tile(emitter, nest, row, place, total)
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
    body = each_row_tile(
        b.var * block + t.var,
        spans,
        lambda start, rows: tile(Place(start, rows, j.var * wide, wide)),
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
    begin = beginner(emitter, column, start)
    width, height = int(across.extent), int(down.extent)

    def tile(place: Place) -> tirx.Stmt:
        total = local("total", "int32", place.size)
        body = []
        for kw, first in product(range(width), range(0, height, GROUP)):
            window = {across.var: integer(kw), column.var: place.panel * PANEL}
            taps = [{**window, down.var: integer(kh)} for kh in range(first, height)][:GROUP]
            columns = [
                interleave(
                    [
                        load_bytes(emitter, x, at | row_at(row, place.row + number), PANEL)
                        for at in taps
                    ]
                )
                for number in range(place.rows)
            ]
            for half, number in product(range(PANEL // LANES), range(place.rows)):
                at = {**taps[0], column.var: place.panel * PANEL + half * LANES}
                bytes_ = load_bytes(emitter, weight, at, VECTOR)
                element = place.element(number, 0, half * LANES)
                body.append(add_dot(total, element, bytes_, columns[number][half]))
        ends = finish_tile(emitter, nest, row, place, total)
        return allocate([total], sequence(begin(place, total), *body, ends))

    spans = row_spans(row.extent, ROWS)
    t = emitter.axis("t", sum((span.count for span in spans), integer(0)))
    j = emitter.axis("j", tirx.floordiv(column.extent, PANEL))
    body = each_row_tile(t.var, spans, lambda start, rows: tile(Place(start, rows, j.var)))
    return Tiled(tuple(outer), serial([t, j], body))
