"""Conditions on the points of a reduction, such as the border of a picture that a window overlaps.

They are taken out of the loops in which they do not change: one that the rows of a register tile
do not change becomes a branch around the inner loops, and for one that they do, the tiles that it
concerns become code of their own, where each tap of the window has the rows that it reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import tvm_ffi
from tvm import tirx

from pyjsml.kernels.loops.nest import Accumulator, Nest, merge_reduced
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import (
    constant,
    dtype,
    integer,
    is_if_then_else,
    substitute,
    uses,
)
from pyjsml.kernels.tir.stage import Axis


def lift(nest: Nest, row: Axis | None, column: Axis) -> Nest:
    """Make guards of the conditions outside of which a point adds nothing to the reduction.

    Conditions stay where they are if they change along `column`, or along `row` in a way that
    `guarded_parts` can't tell beforehand.
    """
    if len(nest.accumulators) != 1:
        return nest
    (accumulator,) = nest.accumulators
    found = _conditional(accumulator)
    if found is None:
        return nest
    condition, update = found
    guards = list(conjuncts(condition))
    along = [] if row is None else [guard for guard in guards if uses(guard, [row.var])]
    if any(uses(guard, [column.var, accumulator.value]) for guard in guards):
        return nest
    if row is not None and along and not _foreseeable(nest, row, along):
        return nest
    return replace(
        nest, accumulators=(replace(accumulator, update=update),), guards=(*nest.guards, *guards)
    )


def _conditional(accumulator: Accumulator) -> tuple[Any, Any] | None:
    """Return the condition of an update that else leaves its accumulator alone, and the update."""
    update = accumulator.update
    if not isinstance(update, (tirx.Add, tirx.Max, tirx.Min)):
        return None
    value, term = update.a, update.b
    if not (isinstance(value, tirx.Var) and value.same_as(accumulator.value)):
        return None
    if not is_if_then_else(term):
        return None
    condition, taken, otherwise = term.args
    if not _is_neutral(accumulator, otherwise):
        return None
    return condition, type(update)(value, taken)


def _is_neutral(accumulator: Accumulator, value: Any) -> bool:
    if isinstance(accumulator.update, tirx.Add):
        return constant(value) == 0 or (isinstance(value, tirx.FloatImm) and value.value == 0)
    if isinstance(value, tirx.FloatImm):
        # The border of a maximum is written as the least finite number, and stands for nothing.
        least = float(np.finfo(dtype(value)).min)
        return isinstance(accumulator.update, tirx.Max) and value.value <= least
    return bool(tvm_ffi.structural_equal(value, accumulator.init))


def conjuncts(condition: Any) -> Iterable[Any]:
    """Yield the conditions that have to hold together for `condition` to hold."""
    if isinstance(condition, tirx.And):
        yield from conjuncts(condition.a)
        yield from conjuncts(condition.b)
    else:
        yield condition


def _foreseeable(nest: Nest, row: Axis, guards: Sequence[Any]) -> bool:
    """Tell whether `guards` use the row and one reduced axis alone, both of known extent."""
    if constant(row.extent) is None:
        return False
    for axis in nest.reduced:
        others = [other.var for other in (*nest.axes, *nest.reduced) if other not in (row, axis)]
        if not any(uses(guard, others) for guard in guards):
            return constant(axis.extent) is not None
    return False


def holds(emitter: Emitter, nest: Nest, row: Axis, start: int, size: int) -> bool:
    """Tell whether the guards of `nest` hold for all of `size` rows from `start` on."""
    rows = emitter.axis("row", size)
    at = {row.var: rows.var + start}
    along = [substitute(guard, at) for guard in nest.guards if uses(guard, [row.var])]
    return all(constant(emitter.simplify(guard)) == 1 for guard in along)


def without_guards(nest: Nest, row: Axis | None) -> Nest:
    """Return `nest` for rows where every guard that changes along `row` holds."""
    if row is None:
        return nest
    return replace(nest, guards=tuple(guard for guard in nest.guards if not uses(guard, [row.var])))


@dataclass(frozen=True)
class Part:
    """The part of a tile's reduction that runs over `rows`, which are the tile's from `first` on.

    The guards of `nest` do not change along the rows.
    """

    nest: Nest
    rows: Axis
    first: int

    def element(self, element: Any, rows: Axis) -> Any:
        """Return the place of an element of the tile's `rows` for this part's."""
        return substitute(element, {rows.var: self.rows.var + self.first})


def guarded_parts(emitter: Emitter, nest: Nest, rows: Axis) -> Iterator[Part]:
    """Cut the reduction of a tile's `rows` so that no guard changes along the rows of a part."""
    left = [guard for guard in map(emitter.simplify, nest.guards) if constant(guard) != 1]
    along = [guard for guard in left if uses(guard, [rows.var])]
    across = [guard for guard in left if not uses(guard, [rows.var])]
    nest = replace(nest, guards=tuple(across))
    if not along:
        yield Part(merge_reduced(emitter, nest), rows, 0)
        return
    # A window of a single tap has no axis left; then one run has the rows that the tap reaches.
    taps_along = (axis for axis in nest.reduced if any(uses(guard, [axis.var]) for guard in along))
    axis = next(taps_along, emitter.axis("tap", 1))
    for tap, taps, first, count in _runs(emitter, along, rows, axis):
        some = emitter.axis(axis.var.name, taps)
        reached = emitter.axis("row", count)
        at = {axis.var: some.var + tap, rows.var: reached.var + first}
        reduced = tuple(some if other is axis else other for other in nest.reduced)
        part = replace(nest, reduced=reduced).rewrite(
            lambda expr, at=at: emitter.resimplify(substitute(expr, at))
        )
        yield Part(merge_reduced(emitter, part), reached, first)


def _runs(
    emitter: Emitter, guards: Sequence[Any], rows: Axis, axis: Axis
) -> Iterator[tuple[int, int, int, int]]:
    """Yield runs of taps along `axis` for which `guards` hold in the same adjacent rows.

    A run is its first tap, its length, its first row and how many rows.
    """

    def reaches(tap: int, row: int) -> bool:
        at = {axis.var: integer(tap), rows.var: integer(row)}
        return all(constant(emitter.simplify(substitute(guard, at))) == 1 for guard in guards)

    spans = {
        tap: _spans([row for row in range(int(rows.extent)) if reaches(tap, row)])
        for tap in range(int(axis.extent))
    }
    for reached, taps in groupby(spans, key=lambda tap: spans[tap]):
        first, *others = taps
        for start, count in reached:
            yield first, 1 + len(others), start, count


def _spans(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first of each run of adjacent `numbers`, which ascend, and how many it has.

    The rows that a tap of a convolution reaches are one run; windows that part an axis unevenly
    have a last element here and there.
    """
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and number == sum(spans[-1]):
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((number, 1))
    return spans
