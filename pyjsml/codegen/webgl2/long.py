"""Long reductions to few elements, as two: fragments run at once, what one loops over does not.

The first one reduces each of several pieces of an axis, the second one what came of these.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from tvm import ir, tirx

from pyjsml.codegen.webgl2.lanes import LANES
from pyjsml.kernels.tir.expression import (
    INDEX,
    constant,
    dtype,
    integer,
    loads,
    replace_loads,
    substitute,
)
from pyjsml.kernels.tir.stage import Axis, Stage, Stages, Write

FEW = 256
"""Elements of a result that are so few that most of a GPU would have nothing to do."""

LONG = 1024
"""Steps of a loop that are so many that a second pass pays."""

PIECES = 64
"""Into how many pieces an axis is cut at most."""

FOLDS = (tirx.Add, tirx.Mul, tirx.Max, tirx.Min, tirx.And, tirx.Or)


def in_two(function: Stages) -> tuple[Stages, frozenset[tirx.Var]]:
    """Return `function` with its long reductions cut in two, and what the first ones write."""
    stages: list[Stage] = []
    partial: set[tirx.Var] = set()
    for stage in function.stages:
        axis = _cut(stage)
        if axis is None:
            stages.append(stage)
            continue
        first, second = _halves(stage, axis)
        partial.add(first.buffer)
        stages += [first, second]
    return function.with_stages(tuple(stages)), frozenset(partial)


def _cut(stage: Stage) -> Axis | None:
    """Return the axis of a reduction to cut: the longest; None where that does not pay."""
    points, steps = _product(stage.axes), _product(stage.reduced)
    if points is None or steps is None or points > FEW or steps < LONG:
        return None
    if len(stage.writes) != 1:
        return None
    value = stage.writes[0].value
    if not isinstance(value, FOLDS) or not _is_own(stage, value.a) or _multiplies(value.b):
        return None
    return max(stage.reduced, key=lambda axis: int(axis.extent))


def _halves(stage: Stage, axis: Axis) -> tuple[Stage, Stage]:
    (write,) = stage.writes
    length = int(axis.extent)
    pieces = min(PIECES, math.isqrt(_product(stage.reduced) or 1), length)
    size = -(-length // pieces)
    if size >= LANES:
        # Where the axis lies along a tensor, a piece begins at a texel.
        size = -(-size // LANES) * LANES
    pieces = -(-length // size)
    piece = Axis(tirx.Var("piece", INDEX), integer(pieces))
    step = Axis(tirx.Var(axis.var.name, INDEX), integer(size))
    twins = {each.var: Axis(tirx.Var(each.var.name, INDEX), each.extent) for each in stage.axes}
    held = tirx.decl_buffer(
        (integer(pieces), *write.buffer.shape),
        dtype(write.buffer),
        name=f"{write.buffer.name}_pieces",
    )

    def own(load: ir.TensorLoad, indices: list[Any]) -> Any:
        if not load.source.same_as(write.buffer):
            return tirx.BufferLoad(load.source, indices)
        return tirx.BufferLoad(held, [piece.var, *indices])

    place = piece.var * size + step.var
    moved = {axis.var: place, **{var: twin.var for var, twin in twins.items()}}
    value = substitute(replace_loads(write.value, own), moved)
    if pieces * size != length:
        value = tirx.Select(place < length, value, value.a)
    first = Stage(
        f"{stage.name}_pieces",
        (piece, *twins.values()),
        tuple(step if each is axis else each for each in stage.reduced),
        (Write(held, value, write.init),),
    )
    taken = tirx.BufferLoad(held, [piece.var, *[each.var for each in stage.axes]])
    whole = type(write.value)(write.value.a, taken)
    again = Axis(tirx.Var("piece", INDEX), piece.extent)
    whole = substitute(whole, {piece.var: again.var})
    return first, replace(stage, reduced=(again,), writes=(replace(write, value=whole),))


def _product(axes: tuple[Axis, ...]) -> int | None:
    sizes = [constant(axis.extent) for axis in axes]
    return None if None in sizes else math.prod(size or 0 for size in sizes)


def _is_own(stage: Stage, expr: Any) -> bool:
    return isinstance(expr, ir.TensorLoad) and expr.source.same_as(stage.buffer)


def _multiplies(expr: Any) -> bool:
    """Tell whether `expr` multiplies two tensors: matrix products have a form of their own."""
    if not isinstance(expr, tirx.Mul):
        return False
    left, right = ({load.source for load in loads(side)} for side in (expr.a, expr.b))
    return bool(left and right and left != right)
