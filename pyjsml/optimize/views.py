"""Compute element-wise operators in the shape of what they follow, with the reshape behind them.

A reshape costs nothing, but it stands between a product and the bias or activation behind it, which
could else be part of the same kernel.
"""

from __future__ import annotations

import tvm
from tvm import relax

from pyjsml.optimize.elementwise import ELEMENTWISE
from pyjsml.optimize.rewrite import emit, op_name, rebuild, same_shape, shape_of
from pyjsml.optimize.simplify import lookup, reshape


def sink_views(module: tvm.IRModule) -> tvm.IRModule:
    """Return `module` with reshapes moved behind the element-wise operators that read them."""
    return relax.transform.DeadCodeElimination(["main"])(rebuild(module, _sink))


def _sink(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
    if op_name(value) not in ELEMENTWISE:
        return value
    shape = shape_of(var)
    base = _base_shape(builder, value, shape)
    if base is None:
        return value
    arguments = [_in_shape(builder, arg, shape, base) for arg in value.args]
    if any(argument is None for argument in arguments):
        return value
    result = relax.Call(value.op, arguments, value.attrs)
    bound = builder.emit(result, name_hint=var.name)
    return reshape(builder, bound, list(shape))


def _base_shape(
    builder: relax.BlockBuilder, value: relax.Call, shape: tuple[tvm.ir.Expr, ...]
) -> tuple[tvm.ir.Expr, ...] | None:
    """Return the shape that the first reshaped operand of the result's shape had before."""
    for argument in value.args:
        source = lookup(builder, argument)
        if op_name(source) == "relax.reshape" and same_shape(shape_of(argument), shape):
            return shape_of(source.args[0])
    return None


def _in_shape(
    builder: relax.BlockBuilder,
    argument: relax.Expr,
    shape: tuple[tvm.ir.Expr, ...],
    base: tuple[tvm.ir.Expr, ...],
) -> relax.Expr | None:
    """Return an operand as it takes part in a computation of shape `base`, or None if it can't."""
    if not isinstance(argument.ty, relax.TensorType):
        return argument
    own = shape_of(argument)
    if same_shape(own, shape):
        return emit(builder, reshape(builder, argument, list(base)))
    # What broadcasts along the leading axes alone needs only the trailing ones to be alike.
    while own and isinstance(own[0], tvm.tirx.IntImm) and int(own[0]) == 1:
        own = own[1:]
    trailing = len(own)
    if trailing == 0 and not isinstance(argument, relax.Var):
        return argument
    alike = same_shape(own, shape[len(shape) - trailing :]) and same_shape(
        own, base[len(base) - trailing :]
    )
    return emit(builder, reshape(builder, argument, list(own))) if alike else None
