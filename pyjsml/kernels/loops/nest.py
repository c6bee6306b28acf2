"""A loop nest over flat buffers: what a schedule tiles, vectorises and unrolls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import ir, tirx

from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import (
    branches_on,
    constant,
    divisors,
    dtype,
    integer,
    linear,
    loads,
    replace_loads,
    substitute,
    uses,
)
from pyjsml.kernels.tir.stage import Axis, Stage, reads, same_index


@dataclass(frozen=True)
class Accumulator:
    """A running value of a reduction: `value` stands for it in `update` and in the results."""

    value: tirx.Var
    init: Any
    update: Any


@dataclass(frozen=True)
class Result:
    """A value that goes into `flat` at `index`, for each point of a nest's axes."""

    flat: tirx.Var
    index: Any
    value: Any


@dataclass(frozen=True)
class Nest:
    """For each point of `axes`: reduce over `reduced`, then store the results.

    The reduction passes over the points where one of the `guards` does not hold.
    """

    axes: tuple[Axis, ...]
    reduced: tuple[Axis, ...]
    accumulators: tuple[Accumulator, ...]
    results: tuple[Result, ...]
    guards: tuple[Any, ...] = ()

    @property
    def body(self) -> list[Any]:
        """The expressions that the reduction evaluates at each of its points."""
        return [accumulator.update for accumulator in self.accumulators]

    @property
    def values(self) -> list[Any]:
        """Every expression of the nest but the indices of its stores."""
        inits = [accumulator.init for accumulator in self.accumulators]
        return [*self.body, *inits, *self.guards, *[result.value for result in self.results]]

    def rewrite(self, change: Any) -> Nest:
        """Return the nest with `change` applied to each of its expressions."""
        return replace(
            self,
            accumulators=tuple(
                Accumulator(a.value, change(a.init), change(a.update)) for a in self.accumulators
            ),
            results=tuple(Result(r.flat, change(r.index), change(r.value)) for r in self.results),
            guards=tuple(change(guard) for guard in self.guards),
        )


def make_nest(emitter: Emitter, stage: Stage, epilogue: Sequence[Stage] = ()) -> Nest | None:
    """Return the nest of `stage`, whose elements go through the element-wise `epilogue`.

    None if an epilogue reads the stage's buffer at an index that can't be turned round.
    """
    accumulators = []
    values: dict[tirx.Var, tirx.Var] = {}
    if stage.reduced:
        for write in stage.writes:
            values[write.buffer] = tirx.Var(write.buffer.name, dtype(write.buffer))
    for write in stage.writes:
        if stage.reduced:
            update = emitter.flatten(_take(write.value, values))
            init = emitter.flatten(write.init)
            accumulators.append(Accumulator(values[write.buffer], init, update))
    results = []
    point = [axis.var for axis in stage.axes]
    for write in stage.writes:
        if write.buffer not in emitter.storage:
            continue
        value = values[write.buffer] if stage.reduced else emitter.flatten(write.value)
        flat = emitter.storage[write.buffer].flat
        results.append(Result(flat, emitter.index(write.buffer, point), value))
    for after in epilogue:
        turned = _turn_round(emitter, stage, after)
        if turned is None:
            return None
        for write in after.writes:
            value = emitter.flatten(_take(substitute(write.value, turned), values))
            indices = [turned[axis.var] for axis in after.axes]
            flat = emitter.storage[write.buffer].flat
            results.append(Result(flat, emitter.index(write.buffer, indices), value))
    return Nest(stage.axes, stage.reduced, tuple(accumulators), tuple(results))


def _take(expr: Any, values: dict[tirx.Var, tirx.Var]) -> Any:
    def load(node: ir.TensorLoad, indices: list[Any]) -> Any:
        held = values.get(node.source)
        return tirx.BufferLoad(node.source, indices) if held is None else held

    return replace_loads(expr, load)


def _turn_round(emitter: Emitter, stage: Stage, after: Stage) -> dict[tirx.Var, Any] | None:
    """Return the axes of `after` as expressions over the axes of the stage that it reads."""
    own = {write.buffer for write in stage.writes}
    indices = [load.indices for load in reads(after) if load.source in own]
    if any(not same_index(index, after.axes) for index in indices):
        turned = _permutation(stage, after, indices)
    elif len(after.axes) == len(stage.axes):
        turned = {a.var: s.var for a, s in zip(after.axes, stage.axes, strict=True)}
    else:
        turned = None
    if turned is None:
        return None
    extents = {axis.var: axis.extent for axis in stage.axes}
    for axis in after.axes:
        # A slice reads less than there is: what lies beyond must not be stored.
        whole = extents.get(turned[axis.var])
        if whole is not None and not emitter.equal(whole, axis.extent):
            return None
    return turned


def _permutation(stage: Stage, after: Stage, indices: list[Any]) -> dict[tirx.Var, Any] | None:
    """Invert an index that only reorders axes and fills in those of extent 1."""
    turned: dict[tirx.Var, Any] = {
        axis.var: integer(0) for axis in after.axes if constant(axis.extent) == 1
    }
    for index in indices:
        for part, axis in zip(index, stage.axes, strict=True):
            if isinstance(part, tirx.Var):
                if part in turned and not _is(turned[part], axis.var):
                    if constant(axis.extent) == 1:
                        continue
                    return None
                turned[part] = axis.var
            elif constant(axis.extent) != 1:
                return None
    return turned if all(axis.var in turned for axis in after.axes) else None


def _is(value: Any, var: tirx.Var) -> bool:
    return isinstance(value, tirx.Var) and value.same_as(var)


def without_reduction(nest: Nest) -> Nest:
    """Return a nest whose reduced axes had one point each as one that reduces nothing."""
    inits = {a.value: a.init for a in nest.accumulators}
    reduced = {a.value: substitute(a.update, inits) for a in nest.accumulators}
    results = [Result(r.flat, r.index, substitute(r.value, reduced)) for r in nest.results]
    return replace(nest, accumulators=(), results=tuple(results))


def merge(emitter: Emitter, nest: Nest) -> Nest:
    """Make one axis of adjacent ones wherever all flat indices step through both as through one."""
    axes, nest = _merged(emitter, nest, nest.axes)
    return merge_reduced(emitter, replace(nest, axes=axes))


def merge_reduced(emitter: Emitter, nest: Nest) -> Nest:
    """Make one axis of adjacent reduced ones; see `merge`."""
    reduced, nest = _merged(emitter, nest, nest.reduced)
    return replace(nest, reduced=reduced)


def _merged(emitter: Emitter, nest: Nest, axes: tuple[Axis, ...]) -> tuple[tuple[Axis, ...], Nest]:
    kept: list[Axis] = []
    for axis in axes:
        if constant(axis.extent) == 1:
            nest = _substituted(emitter, nest, {axis.var: integer(0)})
        elif kept and _mergeable(emitter, nest, kept[-1], axis):
            outer = kept.pop()
            both = emitter.axis(axis.var.name, outer.extent * axis.extent)
            nest = _substituted(emitter, nest, {outer.var: integer(0), axis.var: both.var})
            kept.append(both)
        else:
            kept.append(axis)
    return tuple(kept), nest


def split(emitter: Emitter, nest: Nest) -> Nest:
    """Make two axes of one that indices divide by a constant: the quotient and the remainder.

    So an index becomes linear, and its remainder can run along a vector. The columns of a packed
    weight stay as they are: the register tile takes them by panels.
    """
    axes: list[Axis] = []
    for axis in nest.axes:
        extent = constant(axis.extent)
        found = divisors([*nest.values, *[result.index for result in nest.results]], axis.var)
        packed = bool(nest.reduced) and axis is nest.axes[-1]
        by = min((d for d in found if not packed or d != PANEL), default=0)
        if by == 0 or extent is None or extent % by or extent == by:
            axes.append(axis)
            continue
        outer, inner = emitter.axis("outer", extent // by), emitter.axis("inner", by)
        nest = _substituted(emitter, nest, {axis.var: outer.var * by + inner.var})
        axes += [outer, inner]
    return replace(nest, axes=tuple(axes))


def _substituted(emitter: Emitter, nest: Nest, variables: dict[tirx.Var, Any]) -> Nest:
    nest = nest.rewrite(lambda e: emitter.simplify(emitter.resimplify(substitute(e, variables))))
    results = tuple(Result(r.flat, emitter.simplify(r.index), r.value) for r in nest.results)
    return replace(nest, results=results)


def _mergeable(emitter: Emitter, nest: Nest, outer: Axis, inner: Axis) -> bool:
    pair = [outer.var, inner.var]
    if any(uses(without_loads(value), pair) for value in nest.values):
        return False
    for index in flat_indices(nest):
        found = linear(index, pair)
        if found is None or not emitter.equal(found[0], found[1] * inner.extent):
            return False
    return True


def flat_indices(nest: Nest) -> list[Any]:
    """Return the flat index, or layer and flat index, of every load and store of the nest."""
    return [
        *[index for expr in nest.values for load in loads(expr) for index in load.indices],
        *[result.index for result in nest.results],
    ]


def without_loads(expr: Any) -> Any:
    """Return `expr` with each load replaced by a constant."""
    return replace_loads(expr, lambda node, _: tirx.const(0, dtype(node)))


def stride(emitter: Emitter, index: Any, var: tirx.Var) -> int | None:
    """Return by how many elements `index` moves as `var` grows by one; None if that varies."""
    found = linear(index, [var])
    return None if found is None else constant(emitter.simplify(found[0]))


def steady(emitter: Emitter, exprs: Sequence[Any], var: tirx.Var) -> bool:
    """Tell whether a vector over `var` needs no gather: every load stands still or steps by one.

    A condition that changes with `var` is none that a vector can branch on.
    """
    for expr in exprs:
        for load in loads(expr):
            if stride(emitter, load.indices[0], var) not in (0, 1):
                return False
        if branches_on(expr, var):
            return False
    return True
