"""What stands in front of a product: dequantisations, and the numbers that they go by."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from pyjsml.optimize.rewrite import dtype_of, op_name, shape_of
from pyjsml.optimize.simplify import lookup


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
