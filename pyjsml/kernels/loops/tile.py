"""The register tile: a block of rows times a vector of columns, reduced in registers.

Picture, for 4 rows and 8 columns (two f32x4 vectors):

    acc[row][0..3] acc[row][4..7]  +=  x[row, k] * (w[k, 0..3] w[k, 4..7])      row = 0..3

One step of `k` loads two vectors of `w` and four scalars of `x` for eight multiply-adds. No
condition stands in that loop: partial tiles at the border are loop nests of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.loops.pieces import reduced_pieces
from pyjsml.kernels.loops.registers import Grid, Registers, reduction, split_reduction
from pyjsml.kernels.loops.spans import (
    Span,
    Tile,
    border_spans,
    choose,
    column_spans,
    row_spans,
    total,
)
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.tir.emit import Emitter, allocate, sequence, serial, store
from pyjsml.kernels.tir.expression import constant, integer, substitute
from pyjsml.kernels.tir.guards import guarded_parts, without_guards
from pyjsml.kernels.tir.stage import Axis


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
    if tile.splits > 1 and not nest.guards and len(reduced_pieces(emitter, nest)) == 1:
        parts += split_reduction(emitter, nest, grid, registers, element, tile.splits)
    elif registers.buffers:
        parts.append(grid.each(registers.inits(nest, element)))
        for part in guarded_parts(emitter, nest, rows):
            at = part.element(element, rows)
            for piece in reduced_pieces(emitter, part.nest):
                update = replace(grid, row=part.rows).each(registers.updates(piece, at))
                parts.append(reduction(piece.reduced, update, tile.unroll, piece.guards))
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
