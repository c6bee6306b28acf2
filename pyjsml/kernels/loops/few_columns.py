"""Products with few columns: the sums of a tile of rows and all columns, in lanes along the depth.

A panel of weights would be mostly empty. Here a vector is four adjacent elements of the depth, so
that nothing is computed in vain, and each sum's lanes are added up at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest, steady
from pyjsml.kernels.loops.reduce import horizontal
from pyjsml.kernels.loops.registers import Grid, Registers, reduction
from pyjsml.kernels.loops.spans import Span, border_spans, choose, row_spans, total
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.tir.emit import Emitter, allocate, local, sequence, store, unrolled
from pyjsml.kernels.tir.expression import constant, dtype, loads, substitute, uses
from pyjsml.kernels.tir.guards import Part, guarded_parts, lift, without_guards
from pyjsml.kernels.tir.stage import Axis

ROWS = {1: 8, 2: 4, 3: 3, 4: 2}
"""Rows of a tile by its columns: 8 or 9 sums hide a multiply-add's latency."""
MAX_COLUMNS = max(ROWS)


def few_columns(emitter: Emitter, nest: Nest) -> Tiled | None:
    """Return loops for a product of float32 with at most 4 columns; None for any other nest."""
    if len(nest.axes) < 2 or not nest.reduced or not horizontal(nest):
        return None
    *outer, row, column = nest.axes
    columns = constant(column.extent)
    if columns not in ROWS or len(nest.accumulators) != 1:
        return None
    nest = lift(nest, row, column)
    if not _is_product(emitter, nest, column):
        return None
    rows = border_spans(emitter, nest, row, row_spans(row.extent, ROWS[columns]))
    b = emitter.axis("b", total(rows))
    body = choose(b.var, rows, lambda start, span: _tile(emitter, nest, row, column, start, span))
    return Tiled((*outer, b), body)


def _is_product(emitter: Emitter, nest: Nest, column: Axis) -> bool:
    (accumulator,) = nest.accumulators
    indices = [load.indices[0] for load in loads(accumulator.update)]
    along = [uses(index, [column.var]) for index in indices]
    depth = nest.reduced[-1]
    return (
        dtype(accumulator.value) == "float32"
        and sorted(along) == [False, True]
        and (constant(depth.extent) or 1) % LANES == 0
        and all(uses(index, [depth.var]) for index in indices)
        and steady(emitter, nest.body, depth.var)
    )


def _tile(
    emitter: Emitter, nest: Nest, row: Axis, column: Axis, start: Any, span: Span
) -> tirx.Stmt:
    """Compute the rows of one tile from `start` on."""
    (accumulator,) = nest.accumulators
    rows, lane = emitter.axis("row", span.size), emitter.axis("lane", LANES)
    nest = without_guards(nest, row) if span.inner else nest
    at = {row.var: start + rows.var}
    nest = nest.rewrite(lambda expr: emitter.resimplify(substitute(expr, at)))
    point = rows.var * column.extent + column.var
    element = point * LANES + lane.var
    points = span.size * int(column.extent)
    registers = Registers.of(nest, points * LANES)
    (lanes,) = registers.buffers
    grid = Grid(rows, column, lane)
    body = [grid.each(registers.inits(nest, element))]
    parts = guarded_parts(emitter, nest, rows)
    body += [_reduce(emitter, part, grid, registers, element) for part in parts]
    sums = local("sum", dtype(accumulator.value), points)
    added: Any = tirx.BufferLoad(lanes, [point * LANES])
    for number in range(1, LANES):
        added = added + tirx.BufferLoad(lanes, [point * LANES + number])
    held = {accumulator.value: tirx.BufferLoad(sums, [point])}
    ends = [tirx.BufferStore(sums, added, [point])]
    ends += [
        store(r.flat, emitter.simplify(r.index), substitute(r.value, held)) for r in nest.results
    ]
    body += [unrolled([rows, column], end) for end in ends]
    return allocate([lanes, sums], sequence(*body))


def _reduce(
    emitter: Emitter, part: Part, grid: Grid, registers: Registers, element: Any
) -> tirx.Stmt:
    *outer, depth = part.nest.reduced
    step = emitter.axis("step", tirx.floordiv(depth.extent, LANES))
    at = {depth.var: step.var * LANES + grid.lane.var}
    nest = part.nest.rewrite(lambda expr: emitter.resimplify(substitute(expr, at)))
    updates = registers.updates(nest, part.element(element, grid.row))
    update = replace(grid, row=part.rows).each(updates)
    return reduction([*outer, step], update, 1, nest.guards)
