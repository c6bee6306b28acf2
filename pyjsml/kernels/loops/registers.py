"""Accumulators in registers: the points of a tile, and the loops that reduce into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import tirx

from pyjsml.kernels.loops.nest import Accumulator, Nest
from pyjsml.kernels.tir.emit import Emitter, local, sequence, serial, unrolled, vectorized
from pyjsml.kernels.tir.expression import constant, dtype, integer, substitute, uses
from pyjsml.kernels.tir.stage import Axis

Combine = Callable[[Any, Any], Any]


def combiner(accumulator: Accumulator) -> Combine | None:
    """Return how two partial results of an accumulator make one, or None if its order matters."""
    update = accumulator.update
    if _is_selection(update, accumulator.value):
        return larger
    if not isinstance(update, (tirx.Add, tirx.Mul, tirx.Max, tirx.Min, tirx.And, tirx.Or)):
        return None
    value = accumulator.value
    sides = [update.a, update.b]
    own = [isinstance(side, tirx.Var) and side.same_as(value) for side in sides]
    if sum(own) != 1 or uses(sides[own.index(False)], [value]):
        return None
    neutral = {tirx.Add: 0, tirx.Mul: 1}.get(type(update))
    if neutral is not None:
        init = accumulator.init
        if not isinstance(init, (tirx.FloatImm, tirx.IntImm)) or init.value != neutral:
            return None
    return type(update)


def larger(a: Any, b: Any) -> Any:
    """Return the larger of two values by one comparison, which passes over NaN."""
    return tirx.Select(a < b, b, a)


def _is_selection(update: Any, value: tirx.Var) -> bool:
    """Tell whether `update` is `larger` of the accumulator `value` and something else."""
    if not isinstance(update, tirx.Select):
        return False
    return bool(
        tvm_ffi.structural_equal(update, larger(value, update.true_value))
        and not uses(update.true_value, [value])
    )


@dataclass(frozen=True)
class Grid:
    """The points of a tile: rows, vectors of columns, and the lanes of a vector."""

    row: Axis
    vector: Axis
    lane: Axis

    def each(self, statements: Sequence[tirx.Stmt]) -> tirx.Stmt:
        """Run each statement at all points before the next one."""
        return sequence(*[unrolled([self.row, self.vector], self.lanes(s)) for s in statements])

    def first(self, statements: Sequence[tirx.Stmt], columns: int) -> tirx.Stmt:
        """Run each statement at the first `columns` columns of each row, by vectors if it can."""
        width = int(self.lane.extent)
        parts = []
        for statement in statements:
            start = 0
            while start < columns:
                size = next(n for n in (width, 4, 1) if n <= columns - start)
                lane = Axis(tirx.Var("lane", "int32"), integer(size))
                first = start % width
                at = {self.vector.var: integer(start // width), self.lane.var: lane.var + first}
                part = substitute(statement, at)
                parts.append(Grid(self.row, Axis(tirx.Var("one", "int32"), integer(1)), lane))
                parts[-1] = unrolled([self.row], parts[-1].lanes(part))
                start += size
        return sequence(*parts)

    def lanes(self, statement: tirx.Stmt) -> tirx.Stmt:
        """Run `statement` for the lanes of one vector at once."""
        if int(self.lane.extent) == 1:
            return substitute(statement, {self.lane.var: integer(0)})
        return vectorized(self.lane, statement)


@dataclass(frozen=True)
class Registers:
    """The accumulators of a tile, as local arrays that LLVM keeps in registers.

    `spare` holds the new values where one accumulator's update reads another (argmax): all updates
    of a step see the old ones.
    """

    values: tuple[tirx.Var, ...]
    buffers: tuple[tirx.Var, ...]
    spare: tuple[tirx.Var, ...]

    @staticmethod
    def of(nest: Nest, size: int) -> Registers:
        """Return registers for `size` elements of each accumulator of `nest`."""
        values = tuple(a.value for a in nest.accumulators)
        crossed = any(
            uses(a.update, [v for v in values if not v.same_as(a.value)]) for a in nest.accumulators
        )
        buffers = tuple(local(v.name, dtype(v), size) for v in values)
        spare = tuple(local(f"{v.name}_new", dtype(v), size) for v in values) if crossed else ()
        return Registers(values, buffers, spare)

    @property
    def all(self) -> tuple[tirx.Var, ...]:
        """Every local array."""
        return (*self.buffers, *self.spare)

    def held(self, element: Any) -> dict[tirx.Var, Any]:
        """Return what each accumulator's variable stands for at `element`."""
        return {
            value: tirx.BufferLoad(buffer, [element])
            for value, buffer in zip(self.values, self.buffers, strict=True)
        }

    def inits(self, nest: Nest, element: Any) -> list[tirx.Stmt]:
        """Return the stores that start the accumulators."""
        return [
            tirx.BufferStore(buffer, a.init, [element])
            for a, buffer in zip(nest.accumulators, self.buffers, strict=True)
        ]

    def folds(self, nest: Nest, into: Any, other: Any) -> list[tirx.Stmt]:
        """Return the stores that combine the partial results at `other` with those at `into`."""
        stores = []
        for accumulator, buffer in zip(nest.accumulators, self.buffers, strict=True):
            combine = combiner(accumulator)
            assert combine is not None
            both = combine(tirx.BufferLoad(buffer, [into]), tirx.BufferLoad(buffer, [other]))
            stores.append(tirx.BufferStore(buffer, both, [into]))
        return stores

    def updates(self, nest: Nest, element: Any) -> list[tirx.Stmt]:
        """Return the stores of one step of the reduction."""
        held = self.held(element)
        stores = [
            tirx.BufferStore(buffer, substitute(a.update, held), [element])
            for a, buffer in zip(nest.accumulators, self.spare or self.buffers, strict=True)
        ]
        moves = [
            tirx.BufferStore(buffer, tirx.BufferLoad(spare, [element]), [element])
            for buffer, spare in zip(self.buffers, self.spare, strict=False)
        ]
        return [*stores, *moves]


def reduction(
    axes: Sequence[Axis], body: tirx.Stmt, unroll: int, guards: Sequence[Any] = ()
) -> tirx.Stmt:
    """Loop over `axes`, writing out the innermost ones whose trip count stays within `unroll`.

    Each of the `guards` is asked as soon as the axes that it uses are known.
    """
    trips = 1
    written_out = True
    left = list(guards)
    for axis in reversed(axes):
        size = constant(axis.extent)
        written_out = written_out and size is not None and trips * size <= unroll
        trips *= size or 1
        body = _guarded([guard for guard in left if uses(guard, [axis.var])], body)
        left = [guard for guard in left if not uses(guard, [axis.var])]
        body = unrolled([axis], body) if written_out else serial([axis], body)
    return _guarded(left, body)


def _guarded(guards: Sequence[Any], body: tirx.Stmt) -> tirx.Stmt:
    return tirx.IfThenElse(tirx.all(*guards), body, None) if guards else body


def split_reduction(
    emitter: Emitter, nest: Nest, grid: Grid, registers: Registers, element: Any, splits: int
) -> list[tirx.Stmt]:
    """Reduce `nest` into `splits` partial results for each point of `grid`, then into `element`.

    A tile of few rows has few sums, and each waits for its last addition; partial sums do not wait
    for one another. Steps go through the reduced axis in order, so weights arrive as one stream.
    `registers` have room for `splits` results of each point, and every update has a `combiner`.
    """
    *outer, axis = nest.reduced
    size = int(grid.row.extent) * int(grid.vector.extent) * int(grid.lane.extent)
    k = emitter.axis("k", tirx.floordiv(axis.extent, splits))
    places = [element + part * size for part in range(splits)]

    def step(position: Any, place: Any) -> tirx.Stmt:
        at = {axis.var: position}
        moved = nest.rewrite(lambda e: emitter.resimplify(substitute(e, at)))
        return grid.each(registers.updates(moved, place))

    inits = [grid.each(registers.inits(nest, place)) for place in places]
    steps = [step(k.var * splits + part, place) for part, place in enumerate(places)]
    parts = [*inits, serial([*outer, k], sequence(*steps))]
    done = emitter.simplify(k.extent * splits)
    rest = emitter.axis("rest", axis.extent - done)
    if constant(rest.extent) != 0:
        parts.append(serial([*outer, rest], step(done + rest.var, element)))
    return [*parts, *[grid.each(registers.folds(nest, element, place)) for place in places[1:]]]
