"""What stands in front of a product: dequantisations, and the numbers that they go by."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from pyjsml.optimize.rewrite import dtype_of, op_name, shape_of
from pyjsml.optimize.simplify import lookup

SIGNED = 128
"""What makes an uint8 of an int8: activations are unsigned in every kernel."""


def dequantized(builder: relax.BlockBuilder, expr: relax.Expr) -> relax.Call | None:
    """Return the dequantisation of bytes that `expr` is, if it is one."""
    call = lookup(builder, expr)
    if op_name(call) != "relax.dequantize" or dtype_of(call.args[0]) not in ("int8", "uint8"):
        return None
    return call


def is_activation(dequantize: relax.Call) -> bool:
    """Tell whether one number is the scale of all elements, and another their zero point."""
    return all(number(parameter) is not None for parameter in dequantize.args[1:])


def number(expr: relax.Expr) -> Any:
    """Return a constant scalar as a number, and None for anything else."""
    if isinstance(expr, tvm.ir.GenericConst) and not shape_of(expr):
        return expr.value.numpy().item()
    return None


def unsigned(builder: relax.BlockBuilder, dequantize: relax.Call) -> tuple[relax.Expr, float, int]:
    """Return the uint8 that `dequantize` reads, or would, its scale and its zero point."""
    x, scale, zero = dequantize.args
    step, offset = number(scale), int(number(zero))
    if dtype_of(x) == "uint8":
        return x, step, offset
    source = lookup(builder, x)
    if op_name(source) == "relax.quantize" and number(source.args[2]) is not None:
        value, own_scale, own_zero = source.args
        shifted = relax.const(int(number(own_zero)) + SIGNED, "uint8")
        data = relax.op.quantize(value, own_scale, shifted, source.attrs.axis, "uint8")
    else:
        wide = builder.emit(relax.op.astype(x, "int32"))
        wide = builder.emit(relax.op.add(wide, relax.const(SIGNED, "int32")))
        data = relax.op.astype(wide, "uint8")
    return builder.emit(data), step, offset + SIGNED
