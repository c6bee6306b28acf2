"""How the rows and the columns of a nest are cut into register tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, integer, uses
from pyjsml.kernels.tir.guards import holds
from pyjsml.kernels.tir.stage import Axis


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
