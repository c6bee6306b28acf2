"""Concatenations of what was one tensor before: neighbouring slices of it."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from pyjsml.optimize.rewrite import emit, op_name, shape_of


def join_slices(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """Return a concatenation whose operands are no neighbouring slices: such are one slice.

    All of a tensor's slices, one after the other, are the tensor.
    """
    (operands,) = call.args
    if not isinstance(operands, relax.Tuple):
        return call
    axis = int(call.attrs.axis or 0) % len(shape_of(operands.fields[0]))
    joined: list[relax.Expr] = []
    for part in operands.fields:
        both = _both(builder, joined[-1], part, axis) if joined else None
        if both is None:
            joined.append(part)
        else:
            joined[-1] = emit(builder, both)
    if len(joined) == len(operands.fields):
        return call
    return joined[0] if len(joined) == 1 else relax.op.concat(joined, axis)


def _both(
    builder: relax.BlockBuilder, left: relax.Expr, right: relax.Expr, axis: int
) -> relax.Expr | None:
    """Return the slice of one tensor that `left` and, right behind it, `right` are."""
    first, second = (_bounds(builder, part, axis) for part in (left, right))
    if first is None or second is None or not first[0].same_as(second[0]) or first[2] != second[1]:
        return None
    x, begin, end = first[0], first[1], second[2]
    if begin == 0 and _is(shape_of(x)[axis], end):
        return x
    return relax.op.strided_slice(x, [axis], [begin], [end], assume_inbound=True)


def _bounds(
    builder: relax.BlockBuilder, part: relax.Expr, axis: int
) -> tuple[relax.Var, int, int] | None:
    """Return the tensor of which `part` is a slice along `axis` alone, and from where to where."""
    call: Any = builder.lookup_binding(part) if isinstance(part, relax.Var) else None
    if op_name(call) != "relax.strided_slice" or len(call.args[1].fields) != 1:
        return None
    x, axes, begins, _, *strides = call.args
    begin, size = _number(begins.fields[0]), _number(shape_of(part)[axis])
    if any(_number(stride) != 1 for stride in (strides[0].fields if strides else ())):
        return None
    if _number(axes.fields[0]) not in (axis, axis - len(shape_of(x))):
        return None
    if begin is None or begin < 0 or size is None:
        return None
    return x, begin, begin + size


def _number(expr: Any) -> int | None:
    value = getattr(expr, "value", expr)
    return int(value) if isinstance(value, int | tvm.tirx.IntImm) else None


def _is(expr: Any, number: int) -> bool:
    return _number(expr) == number
