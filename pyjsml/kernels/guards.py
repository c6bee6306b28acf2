"""Conditions on the points of a reduction, taken out of the loops in which they do not change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import tvm_ffi
from tvm import tirx

from pyjsml.kernels.expression import constant, is_if_then_else, uses
from pyjsml.kernels.nest import Accumulator, Nest


def lift(nest: Nest, steady: Sequence[tirx.Var]) -> Nest:
    """Make guards of the conditions outside of which a point adds nothing to the reduction.

    Conditions that use one of `steady` stay where they are.
    """
    if len(nest.accumulators) != 1:
        return nest
    (accumulator,) = nest.accumulators
    found = _conditional(accumulator)
    if found is None:
        return nest
    condition, update = found
    parts = list(conjuncts(condition))
    if any(uses(part, [*steady, accumulator.value]) for part in parts):
        return nest
    return replace(
        nest,
        accumulators=(replace(accumulator, update=update),),
        guards=(*nest.guards, *parts),
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
    if not tvm_ffi.structural_equal(otherwise, accumulator.init):
        return None
    if isinstance(update, tirx.Add) and not _is_zero(otherwise):
        return None
    return condition, type(update)(value, taken)


def _is_zero(expr: Any) -> bool:
    return constant(expr) == 0 or (isinstance(expr, tirx.FloatImm) and expr.value == 0)


def conjuncts(condition: Any) -> Iterable[Any]:
    """Yield the conditions that have to hold together for `condition` to hold."""
    if isinstance(condition, tirx.And):
        yield from conjuncts(condition.a)
        yield from conjuncts(condition.b)
    else:
        yield condition
