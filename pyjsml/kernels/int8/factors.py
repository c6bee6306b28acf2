"""What a nest multiplies, if it is a product that `int8` defines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.loops.nest import Accumulator, Nest, Result, stride
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, dtype, is_if_then_else, uses
from pyjsml.kernels.tir.guards import conjuncts


@dataclass(frozen=True)
class Factors:
    """The bytes that are multiplied: `x` where all `limits` hold, and else `border`."""

    x: ir.TensorLoad
    weight: ir.TensorLoad
    limits: tuple[Any, ...] = ()
    border: int = 0


def factors(nest: Nest) -> Factors | None:
    """Return the uint8 and the int8 whose product is all that `nest` adds up."""
    if len(nest.accumulators) != 1 or not nest.axes or not nest.reduced:
        return None
    (accumulator,) = nest.accumulators
    update = accumulator.update
    if not isinstance(update, tirx.Add) or dtype(update) != "int32":
        return None
    if not isinstance(update.a, tirx.Var) or not isinstance(update.b, tirx.Mul):
        return None
    sides = [update.b.a, update.b.b]
    if not all(isinstance(side, tirx.Cast) for side in sides):
        return None
    x, weight = (side.value for side in sides)
    if (dtype(x), dtype(weight)) != ("uint8", "int8") or not isinstance(weight, ir.TensorLoad):
        return None
    if isinstance(x, ir.TensorLoad):
        return Factors(x, weight)
    if not is_if_then_else(x):
        return None
    condition, inside, border = x.args
    if not isinstance(inside, ir.TensorLoad) or (outside := constant(border)) is None:
        return None
    return Factors(inside, weight, tuple(conjuncts(condition)), outside)


def started(emitter: Emitter, nest: Nest) -> tuple[Nest, ir.TensorLoad | None]:
    """Return `nest` without the vector over the columns that its results add to the sum, and that.

    The sums can start with it, which saves the addition, where it fills whole panels: it has no
    padding that could be read.
    """
    (accumulator,) = nest.accumulators
    *rest, column = nest.axes
    found: list[ir.TensorLoad] = []
    whole = tirx.Var("whole", "int32")

    def add(node: tirx.Add, mutator: Any) -> Any:
        sum_, vector = node.a, node.b
        if not isinstance(sum_, tirx.Var) or not sum_.same_as(accumulator.value):
            return mutator.default_mutate(node)
        if not isinstance(vector, ir.TensorLoad) or uses(vector, [axis.var for axis in rest]):
            return mutator.default_mutate(node)
        if stride(emitter, vector.indices[0], column.var) != 1:
            return mutator.default_mutate(node)
        found.append(vector)
        return whole

    results = tuple(
        Result(r.flat, r.index, tvm_ffi.structural_mutate(r.value, [(tirx.Add, add)]))
        for r in nest.results
    )
    same = all(tvm_ffi.structural_equal(vector, found[0]) for vector in found)
    whole_panels = (constant(column.extent) or 1) % PANEL == 0
    if (
        not found
        or not same
        or not whole_panels
        or any(uses(r.value, [accumulator.value]) for r in results)
    ):
        return nest, None
    begun = Accumulator(whole, accumulator.init, accumulator.update)
    return replace(nest, accumulators=(begun,), results=results), found[0]
