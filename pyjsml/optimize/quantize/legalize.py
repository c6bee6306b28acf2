"""Quantisation and dequantisation that stay operators of their own become TIR functions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tvm
from tvm import relax

from pyjsml.kernels.ops import quantized
from pyjsml.optimize.rewrite import shape_of


def _quantize(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    x, scale, zero_point = call.args
    return builder.call_te(
        quantized.quantize,
        x,
        _number(scale),
        _number(zero_point),
        int(call.attrs.axis),
        str(call.attrs.out_dtype),
        primfunc_name_hint="quantize",
    )


def _dequantize(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    x, scale, zero_point = call.args
    return builder.call_te(
        quantized.dequantize,
        x,
        _number(scale),
        _number(zero_point),
        int(call.attrs.axis),
        primfunc_name_hint="dequantize",
    )


def _number(parameter: relax.Expr) -> Any:
    """Return a constant scalar as a number, and any other parameter as the tensor that it is."""
    if isinstance(parameter, tvm.ir.GenericConst) and not shape_of(parameter):
        return parameter.value.numpy().item()
    return parameter


LEGALIZE: Mapping[str, Any] = MappingProxyType(
    {"relax.quantize": _quantize, "relax.dequantize": _dequantize}
)
