"""The register tile: a block of rows times a vector of columns, reduced in registers.

Picture, for 4 rows and 8 columns (two f32x4 vectors):

    acc[row][0..3] acc[row][4..7]  +=  x[row, k] * (w[k, 0..3] w[k, 4..7])      row = 0..3

One step of `k` loads two vectors of `w` and four scalars of `x` for eight multiply-adds. No
condition stands in that loop: partial tiles at the border are loop nests of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.emit import Emitter, allocate, sequence, serial, store
from pyjsml.kernels.expression import constant, integer, substitute, uses
from pyjsml.kernels.guards import guarded_parts, holds, without_guards
from pyjsml.kernels.nest import Nest
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.registers import Grid, Registers, reduction, split_reduction
from pyjsml.kernels.stage import Axis


@dataclass(frozen=True)
class Tile:
    """The shape of a register tile: at most `rows` rows by `vectors` vectors of `width` columns.

    `unroll` writes out the loops of the reduction whose trip count together stays within it.
    `splits` is how many partial sums an element has: `split_reduction` says why.
    """

    rows: int
    width: int
    vectors: int = 1
    unroll: int = 1
    splits: int = 1


@dataclass(frozen=True)
class Span:
    """`count` tiles of `size` rows or columns from `start` on; `valid` of the last one's exist.

    Where a span of rows is not `inner`, it is one tile, for whose rows not all guards hold.
    """

    start: Any
    count: Any
    size: int
    valid: int | None = None
    inner: bool = True


@dataclass(frozen=True)
class Tiled:
    """Loops of a tiled nest: parallel ones, outermost first, and the body that they run.

    `parameters` say how they were cut, where there was a choice. The buffers `kept` last from one
    run of the body to the next; `fresh` is true in a call's first run, which finds nothing in them.
    """

    parallel: tuple[Axis, ...]
    body: tirx.Stmt
    parameters: Parameters | None = None
    kept: tuple[tirx.Var, ...] = ()
    fresh: tirx.Var | None = None


def balanced(length: int, most: int) -> list[Span]:
    """Cut `length` into as few parts of at most `most` as there can be, none much smaller.

    A remainder of one row costs nearly as much as a full tile: 7 rows are better cut 4 + 3 than
    6 + 1.
    """
    count = -(-length // most)
    small, larger = divmod(length, count)
    spans = [Span(0, larger, small + 1)] if larger else []
    return [*spans, Span(larger * (small + 1), count - larger, small)]


def row_spans(extent: Any, rows: int) -> list[Span]:
    """Cut the row axis into tiles; a symbolic one into full tiles and single rows."""
    length = constant(extent)
    if length is not None:
        return balanced(length, rows) if length else []
    full = tirx.floordiv(extent, rows)
    if rows == 1:
        return [Span(0, extent, 1)]
    return [Span(0, full, rows), Span(full * rows, extent - full * rows, 1)]


def border_spans(emitter: Emitter, nest: Nest, row: Axis, spans: list[Span]) -> list[Span]:
    """Keep the tiles where a guard of `nest` changes along the rows apart from all others."""
    if not any(uses(guard, [row.var]) for guard in nest.guards):
        return spans
    found: list[Span] = []
    for span in spans:
        for number in range(int(span.count)):
            start = int(span.start) + number * span.size
            one = Span(start, 1, span.size, inner=holds(emitter, nest, row, start, span.size))
            last = found[-1] if found else None
            if last is not None and one.inner and last.inner and last.size == one.size:
                found[-1] = replace(last, count=last.count + 1)
            else:
                found.append(one)
    return found


def column_spans(extent: Any, tile: Tile, padded: bool) -> list[Span]:
    """Cut the column axis into tiles.

    Where columns are `padded`, one may compute beyond the last and only store what exists; else the
    rest goes in narrower tiles.
    """
    width = tile.width * tile.vectors
    length = constant(extent)
    if length is None:
        spans = []
        start: Any = 0
        for size in sorted({width, tile.width, 1}, reverse=True):
            count = tirx.floordiv(extent - start, size)
            spans.append(Span(start, count, size))
            start = start + count * size
        return spans
    if padded:
        count = -(-length // width)
        return [Span(0, count, width, length - (count - 1) * width)]
    spans = []
    start = 0
    for size in sorted({width, tile.width, 8, 4, 2, 1}, reverse=True):
        count = (length - start) // size
        if count and size <= width:
            spans.append(Span(start, count, size))
            start += count * size
    return spans


@dataclass(frozen=True)
class Place:
    """Where a tile starts, and its size; where `partial` holds, only `valid` columns exist.

    At an `inner` one, the guards that change along the rows all hold.
    """

    row: Any
    rows: int
    column: Any
    columns: int
    partial: Any = None
    valid: int = 0
    inner: bool = True

    @staticmethod
    def of(start: Any, rows: Span, columns: Span, j: Axis) -> Place:
        """Return the place of the tile whose rows begin at `start`, in the `j`-th of `columns`."""
        last = columns.valid not in (None, columns.size)
        return Place(
            row=start,
            rows=rows.size,
            column=columns.start + j.var * columns.size,
            columns=columns.size,
            partial=tirx.EQ(j.var, columns.count - 1) if last else None,
            valid=columns.valid or columns.size,
            inner=rows.inner,
        )


def tile_block(
    emitter: Emitter, nest: Nest, row: Axis | None, column: Axis, place: Place, tile: Tile
) -> tirx.Stmt:
    """Compute one tile of `nest`."""
    if place.inner:
        nest = without_guards(nest, row)
    width = min(tile.width, place.columns)
    rows = emitter.axis("row", place.rows)
    vectors = emitter.axis("vector", place.columns // width)
    lane = emitter.axis("lane", width)
    at = {column.var: place.column + vectors.var * width + lane.var}
    if row is not None:
        at[row.var] = place.row + rows.var
    nest = nest.rewrite(lambda e: emitter.resimplify(substitute(e, at)))
    element = (rows.var * vectors.extent + vectors.var) * width + lane.var
    registers = Registers.of(nest, place.rows * place.columns * tile.splits)
    grid = Grid(rows, vectors, lane)
    parts = []
    if tile.splits > 1 and not nest.guards:
        parts += split_reduction(emitter, nest, grid, registers, element, tile.splits)
    elif registers.buffers:
        parts.append(grid.each(registers.inits(nest, element)))
        for part in guarded_parts(emitter, nest, rows):
            at = part.element(element, rows)
            update = replace(grid, row=part.rows).each(registers.updates(part.nest, at))
            parts.append(reduction(part.nest.reduced, update, tile.unroll, part.nest.guards))
    ends = [
        store(r.flat, emitter.simplify(r.index), substitute(r.value, registers.held(element)))
        for r in nest.results
    ]
    finish = grid.each(ends)
    if place.partial is not None:
        finish = tirx.IfThenElse(place.partial, grid.first(ends, place.valid), finish)
    return allocate(registers.all, sequence(*parts, finish))


def tile(
    emitter: Emitter,
    nest: Nest,
    row: Axis | None,
    column: Axis,
    shape: Tile,
    *,
    padded: bool = False,
    by_column: bool = False,
    block: int | None = None,
) -> Tiled:
    """Cover the points of `nest` with register tiles.

    The other axes run outermost; then come blocks of at most `block` row tiles (all by default),
    then the columns, then the row tiles of a block. `by_column` has the columns outermost instead,
    so that each panel of weights is read once. All but a block's row tiles can run in parallel.
    """
    outer = [axis for axis in nest.axes if axis not in (row, column)]
    rows = [Span(integer(0), integer(1), 1)]
    if row is not None:
        rows = border_spans(emitter, nest, row, row_spans(row.extent, shape.rows))
    columns = column_spans(column.extent, shape, padded)

    def tiles(at: Any, columns: Span, j: Axis) -> tirx.Stmt:
        return choose(
            at,
            rows,
            lambda start, span: tile_block(
                emitter, nest, row, column, Place.of(start, span, columns, j), shape
            ),
        )

    count = emitter.simplify(total(rows))
    length = constant(count)
    if length and block:
        # Blocks of equal length end together on several threads.
        block = -(-length // -(-length // block))
    if by_column and len(columns) == 1:
        j = emitter.axis("j", columns[0].count)
        t = emitter.axis("t", count)
        return Tiled((j, *outer), serial([t], tiles(t.var, columns[0], j)))
    b = emitter.axis("b", tirx.floordiv(count + (block - 1), block) if block else 1)
    first = b.var * (block or 0)
    t = emitter.axis("t", tirx.min(count - first, block) if block else count)
    if len(columns) == 1:
        j = emitter.axis("j", columns[0].count)
        return Tiled((*outer, b, j), serial([t], tiles(first + t.var, columns[0], j)))
    parts = []
    for span in columns:
        j = emitter.axis("j", span.count)
        parts.append(serial([j, t], tiles(first + t.var, span, j)))
    return Tiled((*outer, b), sequence(*parts))


def total(spans: Sequence[Span]) -> Any:
    """Return how many tiles there are in all `spans`."""
    total: Any = integer(0)
    for span in spans:
        total = total + span.count
    return total


def choose(at: Any, spans: Sequence[Span], tile: Any) -> tirx.Stmt:
    """Run `tile(start, span)` for the tile whose number over all spans is `at`."""
    span, *later = spans
    start = span.start + at * span.size if span.inner else span.start
    body: tirx.Stmt = tile(start, span)
    if not later:
        return body
    return tirx.IfThenElse(at < span.count, body, choose(at - span.count, later, tile))
