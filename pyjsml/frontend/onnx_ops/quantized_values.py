"""Quantisation of values, and products of quantised ones in integers."""

from __future__ import annotations

from typing import Any

from tvm import relax
from tvm.ir import GenericConst

from pyjsml.frontend.onnx_ops.common import as_constant, constant, dtype_of
from pyjsml.kernels.ops.quantized import upper_bound


def quantize(x: Any, scale: Any, zero_point: Any, axis: int) -> Any:
    """Quantise `x` to the dtype of its zero point, uint8 where there is none."""
    zero_point = relax.const(0, "uint8") if zero_point is None else scalar(zero_point)
    kind = dtype_of(zero_point)
    return relax.op.quantize(x, scalar(scale), zero_point, axis, kind)


def dequantize(x: Any, scale: Any, zero_point: Any, axis: int) -> Any:
    """Dequantise `x`; a zero point of zeros may be left out."""
    zero_point = relax.const(0, dtype_of(x)) if zero_point is None else scalar(zero_point)
    scale = scalar(scale)
    if isinstance(zero_point, GenericConst) and not zero_point.value.numpy().any():
        zero_point = relax.const(0, dtype_of(x))
    return relax.op.dequantize(x, scale, zero_point, axis, dtype_of(scale))


def quantize_by_range(builder: Any, x: Any) -> list[Any]:
    """Quantise `x` to uint8 by its own range; return that, the scale and the zero point."""
    zero, steps = relax.const(0.0, "float32"), relax.const(255.0, "float32")
    high = builder.emit_te(upper_bound, x, False)
    low = builder.emit(relax.op.negative(builder.emit_te(upper_bound, x, True)))
    width = builder.emit(relax.op.subtract(high, low))
    # Data that is 0 all over has no width, and any scale will do.
    scale = builder.emit(
        relax.op.where(
            builder.emit(relax.op.equal(width, zero)),
            relax.const(1.0, "float32"),
            builder.emit(relax.op.divide(width, steps)),
        )
    )
    offset = builder.emit(relax.op.negative(builder.emit(relax.op.divide(low, scale))))
    rounded = builder.emit(relax.op.clip(builder.emit(relax.op.round(offset)), 0, 255))
    zero_point = builder.emit(relax.op.astype(rounded, "uint8"))
    return [builder.emit(relax.op.quantize(x, scale, zero_point, 0, "uint8")), scale, zero_point]


def integer_product(builder: Any, a: Any, b: Any, a_zero: Any, b_zero: Any) -> Any:
    """Multiply what the zero points leave of `a` and `b`, as 32-bit integers.

    Where `b` is an int8 weight with a zero point of 0, the bytes themselves are multiplied, and the
    zero point of `a` times the sums of the weight's columns, which are constant, is taken off.
    """
    direct = isinstance(b, GenericConst) and dtype_of(b) == "int8" and b.ty.ndim == 2
    direct = direct and dtype_of(a) == "uint8" and _is_zero(b_zero)
    if not direct or (a_zero is not None and scalar(a_zero).ty.ndim):
        left = minus(builder, a, along(builder, a_zero, a, a.ty.ndim - 2))
        right = minus(builder, b, along(builder, b_zero, b, b.ty.ndim - 1))
        return relax.op.matmul(left, right, "int32")
    product = relax.op.matmul(a, b, "int32")
    if a_zero is None:
        return product
    zero = builder.emit(relax.op.astype(scalar(a_zero), "int32"))
    columns = builder.emit(relax.op.sum(builder.emit(relax.op.astype(b, "int32")), 0))
    return relax.op.subtract(builder.emit(product), builder.emit(relax.op.multiply(columns, zero)))


def minus(builder: Any, x: Any, zero_point: Any) -> Any:
    """Take the zero point, if there is one, off `x`, in 32-bit integers."""
    wide = builder.emit(relax.op.astype(x, "int32"))
    if zero_point is None:
        return wide
    zero = builder.emit(relax.op.astype(scalar(zero_point), "int32"))
    return builder.emit(relax.op.subtract(wide, zero))


def along(builder: Any, zero_point: Any, x: Any, axis: int) -> Any:
    """Return a one-dimensional zero point so shaped that it broadcasts along `axis` of `x`."""
    if zero_point is None or scalar(zero_point).ty.ndim != 1:
        return zero_point
    shape = [zero_point.ty.shape[0] if at == axis else 1 for at in range(x.ty.ndim)]
    return builder.emit(relax.op.reshape(zero_point, shape))


def scalar(value: Any) -> Any:
    """Return a constant of one element as a scalar, and anything else as it is."""
    if not isinstance(value, GenericConst):
        return value
    array = value.value.numpy()
    return as_constant(array.reshape(())) if array.size == 1 and array.ndim else value


def _is_zero(zero_point: Any) -> bool:
    if zero_point is None:
        return True
    return isinstance(zero_point, GenericConst) and not constant(zero_point, "zero point").any()
