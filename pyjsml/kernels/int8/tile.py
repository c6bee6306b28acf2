"""A register tile of the kernels in `int8`: how it starts, what it adds up, where its sums go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tvm import ir, tirx

from pyjsml.kernels.int8.dot import dot
from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.loops.spans import Span
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter, sequence, store, vectorized
from pyjsml.kernels.tir.expression import dtype, integer, item_bytes, substitute
from pyjsml.kernels.tir.stage import Axis


@dataclass(frozen=True)
class Place:
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


def each_row_tile(
    at: Any, spans: Sequence[Span], tile: Callable[[Any, int], tirx.Stmt]
) -> tirx.Stmt:
    """Run the tile whose number over all spans is `at`."""
    span, *later = spans
    body = tile(span.start + at * span.size, span.size)
    if not later:
        return body
    return tirx.IfThenElse(at < span.count, body, each_row_tile(at - span.count, later, tile))


def row_at(row: Axis | None, position: Any) -> dict[tirx.Var, Any]:
    """Return what puts `row` at `position`: nothing where there is no such axis."""
    return {} if row is None else {row.var: position}


def load_bytes(emitter: Emitter, load: ir.TensorLoad, at: dict[tirx.Var, Any], count: int) -> Any:
    """Load `count` neighbours from where `load` is `at`."""
    base = emitter.simplify(substitute(load.indices[0], at))
    return tirx.BufferLoad(load.source, [tirx.Ramp(base, integer(1), count)])


def add_dot(total: tirx.Var, element: int, weights: Any, activations: Any) -> tirx.Stmt:
    """Add the products of two vectors of bytes to four sums of `total`, from `element` on."""
    place = tirx.Ramp(integer(element), integer(1), LANES)
    value = dot(weights, activations, tirx.BufferLoad(total, [place]))
    return tirx.BufferStore(total, value, [place])


def beginner(
    emitter: Emitter, column: Axis, start: ir.TensorLoad | None
) -> Callable[[Place, tirx.Var], tirx.Stmt]:
    """Return what starts the sums of a tile: zeros, or what `start` has for the columns."""

    def begin(place: Place, total: tirx.Var) -> tirx.Stmt:
        stores = []
        for row, panel in product(range(place.rows), range(place.panels)):
            for first in range(0, PANEL, LANES):
                at = tirx.Ramp(integer(place.element(row, panel, first)), integer(1), LANES)
                value = tirx.Broadcast(integer(0), LANES)
                if start is not None:
                    where = {column.var: (place.panel + panel) * PANEL + first}
                    value = load_bytes(emitter, start, where, LANES)
                stores.append(tirx.BufferStore(total, value, [at]))
        return sequence(*stores)

    return begin


def finish_tile(
    emitter: Emitter, nest: Nest, row: Axis | None, place: Place, total: tirx.Var
) -> tirx.Stmt:
    """Store the results of a tile; of the last panel only the columns that there are."""
    length = int(nest.axes[-1].extent)

    def stores(columns: int) -> tirx.Stmt:
        parts = []
        for number, panel in product(range(place.rows), range(place.panels)):
            inside = columns if panel == place.panels - 1 else PANEL
            at = row_at(row, place.row + number)
            element = place.element(number, panel)
            start = (place.panel + panel) * PANEL
            parts += finish_columns(emitter, nest, at, start, total, element, inside)
        return sequence(*parts)

    if length % PANEL == 0:
        return stores(PANEL)
    last = tirx.EQ((place.panel + place.panels) * PANEL, integer(-(-length // PANEL) * PANEL))
    return tirx.IfThenElse(emitter.simplify(last), stores(length % PANEL), stores(PANEL))


def finish_columns(
    emitter: Emitter,
    nest: Nest,
    at: dict[tirx.Var, Any],
    start: Any,
    total: tirx.Var,
    element: int,
    columns: int,
) -> list[tirx.Stmt]:
    """Return what stores the results of `columns` columns from `start` on, at most a panel."""
    (accumulator,) = nest.accumulators
    # LLVM knows what one instruction does of vectors that fill one; bytes go two vectors at once.
    bytes_ = all(item_bytes(dtype(result.flat)) == 1 for result in nest.results)
    parts = []
    for first, size in _pieces(columns, PANEL if bytes_ else LANES):
        lane = emitter.axis("lane", size)
        where = {**at, nest.axes[-1].var: start + first + lane.var}
        here = nest.rewrite(lambda e, where=where: emitter.resimplify(substitute(e, where)))
        held = {accumulator.value: tirx.BufferLoad(total, [element + first + lane.var])}
        for r in here.results:
            end = store(r.flat, emitter.simplify(r.index), substitute(r.value, held))
            whole = vectorized(lane, end) if size > 1 else substitute(end, {lane.var: integer(0)})
            parts.append(whole)
    return parts


def _pieces(columns: int, most: int) -> list[tuple[int, int]]:
    """Cut the columns of a panel into vectors of at most `most` and single ones."""
    pieces = []
    start = 0
    for size in dict.fromkeys((most, LANES, 1)):
        while columns - start >= size:
            pieces.append((start, size))
            start += size
    return pieces
