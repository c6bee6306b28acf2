"""Softmax, and the parts of it that attention shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tvm import ir, te, tirx

from pyjsml.kernels.loops.registers import larger


def softmax(x: te.Tensor, axis: int) -> te.Tensor:
    """Return exp(x - max) / sum(exp(x - max)) along `axis`; a row with a NaN is all NaN."""
    shape = list(x.shape)
    row = [*shape[:axis], *shape[axis + 1 :]]

    def own(at: Sequence[Any]) -> list[Any]:
        return [*at[:axis], *at[axis + 1 :]]

    def along(at: Sequence[Any], k: Any) -> list[Any]:
        return [*at[:axis], k, *at[axis:]]

    k = [te.reduce_axis((0, shape[axis]), "k") for _ in range(2)]
    peaks = te.compute(row, lambda *at: peak(x(*along(at, k[0])), [k[0]]), name="peak")
    powers = te.compute(shape, lambda *at: power(x(*at) - peaks(*own(at))), name="powers")
    totals = te.compute(row, lambda *at: te.sum(powers(*along(at, k[1])), axis=k[1]), name="total")
    one = tirx.const(1, x.dtype)
    return te.compute(shape, lambda *at: powers(*at) * (one / totals(*own(at))), name="softmax")


def peak(value: Any, axes: Sequence[te.IterVar]) -> ir.Expr:
    """Return the largest of `value` over `axes`, NaN apart.

    A NaN need not show here: its power is NaN, and so is the total.
    """
    lowest: Any = lambda dtype: tirx.const(-math.inf, dtype)  # noqa: E731
    return te.comm_reducer(larger, lowest, name="peak")(value, axis=list(axes))


def power(x: Any) -> ir.Expr:
    """Return e^x for x up to 0, as the math of kernels has it for what is summed up with a 1."""
    if str(x.ty.dtype) != "float32":
        return tirx.exp(x)
    return tirx.call_pure_extern("float32", "exp_to_one", x)
