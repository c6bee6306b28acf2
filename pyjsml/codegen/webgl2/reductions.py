"""The loops of a reduction: which of its axes are written out, and which are loops by fours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from pyjsml.codegen.webgl2.evaluator import Evaluator
from pyjsml.codegen.webgl2.lanes import LANES
from pyjsml.codegen.webgl2.writer import Value
from pyjsml.kernels.loops.nest import Nest, stride
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, integer, loads
from pyjsml.kernels.tir.stage import Axis

UPDATES = 96
"""How often a shader may spell out the update of a reduction; compilers take long over more."""


@dataclass(frozen=True)
class Loop:
    """How to run along one axis: written out whole, or as a loop whose body has `step` points."""

    axis: Axis
    step: int
    whole: bool = False


Update = Callable[[Mapping[tirx.Var, Any]], None]


def plan_loops(emitter: Emitter, nest: Nest, rows: int) -> list[Loop]:
    """Decide for each axis of a reduction, loops first; `rows` updates are written for a point.

    An axis along which a tensor lies goes by the four elements of a texel. What is left of the
    budget is for short axes, whose windows then share their texels.
    """
    budget = UPDATES // rows
    made: dict[int, Loop] = {}
    along = [n for n, axis in enumerate(nest.reduced) if _lies_along(emitter, nest, axis)]
    for number in along[-1:]:
        axis = nest.reduced[number]
        length = constant(axis.extent)
        if length is not None and length < LANES:
            continue
        made[number] = Loop(axis, LANES)
        budget //= LANES
    for number, axis in reversed(list(enumerate(nest.reduced))):
        length = constant(axis.extent)
        if number in made:
            if length is not None and length <= budget * LANES and _is_window(length):
                made[number] = Loop(axis, length, whole=True)
                budget = budget * LANES // length
        elif length is not None and length <= budget:
            made[number] = Loop(axis, length, whole=True)
            budget //= length
        else:
            made[number] = Loop(axis, 1)
    plan = [made[number] for number in range(len(nest.reduced))]
    return [loop for loop in plan if not loop.whole] + [loop for loop in plan if loop.whole]


def _is_window(length: int) -> bool:
    """Tell whether an axis is none that a loop by fours serves as well, whatever its length.

    Such a loop is compiled once for layers of all sizes (`sharing.py`), and takes as long to run.
    """
    return length == LANES or length % LANES != 0


def _lies_along(emitter: Emitter, nest: Nest, axis: Axis) -> bool:
    return any(
        stride(emitter, load.indices[-1], axis.var) == 1 for e in nest.body for load in loads(e)
    )


def write_loops(evaluator: Evaluator, plan: Sequence[Loop], update: Update) -> None:
    """Write the loops of `plan` around `update`, which gets the axes of a point."""
    _write(evaluator, plan, update, {})


def _write(
    evaluator: Evaluator, plan: Sequence[Loop], update: Update, at: Mapping[tirx.Var, Any]
) -> None:
    if not plan:
        update(at)
        return
    loop, *inner = plan
    extent = loop.axis.extent
    if loop.whole:
        for point in range(loop.step):
            _write(evaluator, inner, update, {**at, loop.axis.var: integer(point)})
        return
    emitter = evaluator.emitter
    steps = emitter.simplify(tirx.floordiv(extent, loop.step))
    rest = emitter.simplify(extent - steps * loop.step)
    if constant(steps) != 0:
        _repeat(evaluator, loop, integer(0), steps, loop.step, inner, update, at)
    if constant(rest) != 0:
        start = emitter.simplify(steps * loop.step)
        _repeat(evaluator, loop, start, rest, 1, inner, update, at)


def _repeat(
    evaluator: Evaluator,
    loop: Loop,
    start: Any,
    times: Any,
    step: int,
    inner: Sequence[Loop],
    update: Update,
    at: Mapping[tirx.Var, Any],
) -> None:
    emitter, writer = evaluator.emitter, evaluator.writer
    counter = emitter.axis(loop.axis.var.name, times)
    end = evaluator.index(times)
    with writer.loop(writer.name("k"), "0", end.text, 1) as value:
        evaluator.names[counter.var] = value
        for point in range(step):
            place = emitter.simplify(start + counter.var * step + point)
            _write(evaluator, inner, update, {**at, loop.axis.var: place})


def value_of(name: str, kind: Any) -> Value:
    """Return the accumulator `name`, which changes as the loops run."""
    return Value(name, kind, True, 0, fleeting=True)
