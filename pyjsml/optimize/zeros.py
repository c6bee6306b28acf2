"""Products with 0 and quotients of it, which TVM takes for 0 whatever the other operand is."""

from __future__ import annotations

import math
from collections.abc import Callable

import tvm
from tvm import relax

from pyjsml.optimize.rewrite import dtype_of, op_name, shape_of


def keep_nan(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """Write x · 0 and 0 / x so that they are NaN where IEEE 754 says so, and 0 elsewhere.

    The former are NaN where x is infinite or NaN, the latter where x is 0 or NaN.
    """
    left, right = call.args
    if op_name(call) == "relax.multiply" and _is_zero(right):
        return _zero_where(builder, left, relax.op.less, math.inf)
    if op_name(call) == "relax.multiply" and _is_zero(left):
        return _zero_where(builder, right, relax.op.less, math.inf)
    if op_name(call) == "relax.divide" and _is_zero(left):
        return _zero_where(builder, right, relax.op.greater, 0.0)
    return call


def _is_zero(expr: relax.Expr) -> bool:
    if not isinstance(expr, tvm.ir.GenericConst) or shape_of(expr):
        return False
    return dtype_of(expr).startswith("float") and not expr.value.numpy()


def _zero_where(
    builder: relax.BlockBuilder, x: relax.Expr, compare: Callable[..., relax.Expr], limit: float
) -> relax.Expr:
    """Return 0 where |x| compares with `limit`, and NaN elsewhere."""
    kind = dtype_of(x)
    size = builder.emit(relax.op.abs(x))
    holds = builder.emit(compare(size, relax.const(limit, kind)))
    return relax.op.where(holds, relax.const(0.0, kind), relax.const(math.nan, kind))
