"""Quantisation, element by element, and what is worked out of quantised weights at load time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from tvm import ir, te, tirx

from pyjsml.kernels.int8.int8 import GROUP
from pyjsml.kernels.ops.saturate import ROUNDER, ROUNDER_BITS, within

Parameter: TypeAlias = te.Tensor | int | float
"""A scale or zero point: a number, a tensor of one element, or one with an element per channel."""


def quantize(
    x: te.Tensor, scale: Parameter, zero_point: Parameter, axis: int, dtype: str
) -> te.Tensor:
    """Return clamp(round(x / scale) + zero_point), of an integer dtype of at most 16 bits."""

    def element(*index: tirx.Var) -> ir.Expr:
        zero = _at(zero_point, index, axis, "int32")
        return _quantized(x(*index), _at(scale, index, axis, "float32"), zero, dtype)

    return te.compute(x.shape, element, name="quantize")


def quantize_pixels(x: te.Tensor, scale: float, zero_point: int) -> te.Tensor:
    """Quantise a picture [N, C, H, W] of at most GROUP channels; return uint8 [N, H, W, GROUP].

    Behind the last channel there are zeros.
    """
    batch, channels, height, width = x.shape
    step, zero = tirx.const(scale, "float32"), tirx.const(zero_point, "int32")

    def element(n: tirx.Var, h: tirx.Var, w: tirx.Var, c: tirx.Var) -> ir.Expr:
        value = _quantized(x(n, c, h, w), step, zero, "uint8")
        return tirx.if_then_else(c < channels, value, tirx.const(0, "uint8"))

    shape = (batch, height, width, tirx.const(GROUP, "int64"))
    return te.compute(shape, element, name="quantize_pixels")


def _quantized(value: ir.Expr, scale: ir.Expr, zero: ir.Expr, dtype: str) -> ir.Expr:
    if not isinstance(scale, tirx.FloatImm) or float(scale) != 1:
        value = value / scale
    rounder = tirx.const(ROUNDER, "float32")
    least = rounder + (tirx.const(np.iinfo(dtype).min, "int32") - zero).astype("float32")
    total = value + rounder
    bits = tirx.reinterpret("int32", tirx.Select(total < least, least, total))
    return within(bits - (tirx.const(ROUNDER_BITS, "int32") - zero), dtype)


def dequantize(x: te.Tensor, scale: Parameter, zero_point: Parameter, axis: int) -> te.Tensor:
    """Return (x - zero_point) · scale as float32."""

    def element(*index: tirx.Var) -> ir.Expr:
        whole = x(*index).astype("int32") - _at(zero_point, index, axis, "int32")
        return whole.astype("float32") * _at(scale, index, axis, "float32")

    return te.compute(x.shape, element, name="dequantize")


def upper_bound(x: te.Tensor, negated: bool) -> te.Tensor:
    """Return the largest element of `x`, or of its negation, and at least 0.

    Floats above 0 are ordered as their bits are, and those below have negative ones. The maximum of
    integers is one instruction, which that of floats is not: it has NaN to reckon with.
    """
    axes = [te.reduce_axis((0, size), f"k{number}") for number, size in enumerate(x.shape)]
    value = -x(*axes) if negated else x(*axes)
    bits = te.compute(
        (), lambda: te.max(tirx.reinterpret("int32", value), axis=axes), name="largest"
    )
    zero = tirx.const(0, "int32")
    return te.compute(
        (), lambda: tirx.reinterpret("float32", tirx.Max(bits(), zero)), name="upper_bound"
    )


def zero_point_offset(weight: te.Tensor, zero_point: te.Tensor) -> te.Tensor:
    """Return for each output channel of [O, I, KH, KW] what the zero point adds to a sum, negated.

    The sum of (x - zero_point) · w is that of x · w plus this.
    """
    outputs, *window = weight.shape
    axes = [te.reduce_axis((0, size), f"k{number}") for number, size in enumerate(window)]
    total = te.compute(
        (outputs,), lambda o: te.sum(weight(o, *axes).astype("int32"), axis=axes), name="total"
    )
    return te.compute((outputs,), lambda o: -total(o) * zero_point(), name="zero_point_offset")


def column_offset(weight: te.Tensor, zero_point: te.Tensor) -> te.Tensor:
    """Return the same for each column of a weight [K, N]."""
    depth, columns = weight.shape
    k = te.reduce_axis((0, depth), "k")
    total = te.compute(
        (columns,), lambda n: te.sum(weight(k, n).astype("int32"), axis=k), name="total"
    )
    return te.compute((columns,), lambda n: -total(n) * zero_point(), name="column_offset")


def with_bias(offset: te.Tensor, bias: te.Tensor) -> te.Tensor:
    """Add an integer bias per channel to an offset."""
    return te.compute(offset.shape, lambda c: offset(c) + bias(c), name="with_bias")


def output_scale(weight: te.Tensor, activations: te.Tensor, result: te.Tensor) -> te.Tensor:
    """Return what a sum is multiplied by per channel: the factors' scales over the result's."""
    return te.compute(
        weight.shape, lambda c: activations() * weight(c) / result(), name="output_scale"
    )


def _at(parameter: Parameter, index: tuple[Any, ...], axis: int, dtype: str) -> ir.Expr:
    if isinstance(parameter, te.Tensor):
        one = [isinstance(size, tirx.IntImm) and int(size) == 1 for size in parameter.shape]
        return parameter(*[0 if single else index[axis] for single in one]).astype(dtype)
    return tirx.const(parameter, dtype)
