"""Quantised operators, of ONNX and of Microsoft, in terms of quantisation and plain operators.

What computes on quantised tensors (QLinearConv) is taken apart into dequantisation, the operator on
floats and quantisation, the form that other models have from the start: the optimiser makes integer
arithmetic of either. What gives 32-bit sums (MatMulInteger) becomes the integer arithmetic itself.
"""

from __future__ import annotations

from typing import Any

from tvm import relax
from tvm.ir import GenericConst

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    as_constant,
    constant,
    dtype_of,
    input_at,
    tvm_converter,
)
from pyjsml.kernels.quantized import upper_bound

FLOAT_OPSET = 13
"""The version of ONNX whose operators the quantised ones are taken apart into."""

_OUTPUT_TYPES = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16"}


def quantize_linear(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert QuantizeLinear, whose zero point, or an attribute, tells the dtype of its result."""
    x, scale, zero_point = inputs[0], inputs[1], input_at(inputs, 2)
    _refuse_blocks(attributes)
    if zero_point is None:
        kind = attributes.get("output_dtype", 0) or 2
        if kind not in _OUTPUT_TYPES:
            raise UnsupportedError("its result is of a dtype that can't be compiled")
        zero_point = relax.const(0, _OUTPUT_TYPES[kind])
    return quantize(x, scale, zero_point, _axis(x, attributes))


def dequantize_linear(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert DequantizeLinear."""
    x, scale, zero_point = inputs[0], inputs[1], input_at(inputs, 2)
    _refuse_blocks(attributes)
    return dequantize(x, scale, zero_point, _axis(x, attributes))


def dynamic_quantize_linear(
    builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert DynamicQuantizeLinear: the range of the data, which takes in 0, in 255 steps."""
    return relax.Tuple(_dynamic(builder, inputs[0]))


def matmul_integer(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert MatMulInteger: the zero point of a constant weight's factor leaves the product."""
    a, b = inputs[:2]
    return _integer_product(builder, a, b, input_at(inputs, 2), input_at(inputs, 3))


def dynamic_quantize_matmul(
    builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert DynamicQuantizeMatMul: A is quantised as it comes, B is of B's scale, zero point."""
    a, b, b_scale = inputs[:3]
    quantized, a_scale, a_zero = _dynamic(builder, a)
    rest = [b_scale, a_zero, input_at(inputs, 3), input_at(inputs, 4)]
    return matmul_integer_to_float(builder, [quantized, b, a_scale, *rest], attributes, opset)


def matmul_integer_to_float(
    builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert MatMulIntegerToFloat: a MatMulInteger, its scales and a bias."""
    a, b, a_scale, b_scale = inputs[:4]
    total = _integer_product(builder, a, b, input_at(inputs, 4), input_at(inputs, 5))
    scale = builder.emit(relax.op.multiply(_scalar(a_scale), _scalar(b_scale)))
    value = relax.op.multiply(builder.emit(relax.op.astype(total, "float32")), scale)
    bias = input_at(inputs, 6)
    return value if bias is None else relax.op.add(builder.emit(value), bias)


def conv_integer(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ConvInteger as a convolution of what the zero points leave, as 32-bit integers."""
    x, weight = inputs[:2]
    wide = [
        _minus(builder, x, input_at(inputs, 2)),
        _minus(builder, weight, _along(builder, input_at(inputs, 3), weight, 0)),
        None,
    ]
    return tvm_converter("Conv", builder, wide, attributes, FLOAT_OPSET)


def qlinear_conv(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert QLinearConv; its bias is quantised with the product of the scales."""
    x, x_scale, x_zero, weight, scale, zero, y_scale, y_zero = inputs[:8]
    given = [
        builder.emit(dequantize(x, x_scale, x_zero, 0)),
        builder.emit(dequantize(weight, scale, zero, 0)),
        None,
    ]
    if (bias := input_at(inputs, 8)) is not None:
        step = builder.emit(relax.op.multiply(_scalar(x_scale), _scalar(scale)))
        given[2] = builder.emit(dequantize(bias, step, None, 0))
    value = tvm_converter("Conv", builder, given, attributes, FLOAT_OPSET)
    return quantize(builder.emit(value), y_scale, y_zero, 1)


def qlinear_matmul(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert QLinearMatMul; a scale per row of A or column of B lies along that axis."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
    left = builder.emit(dequantize(a, a_scale, a_zero, a.ty.ndim - 2))
    right = builder.emit(dequantize(b, b_scale, b_zero, b.ty.ndim - 1))
    product = builder.emit(relax.op.matmul(left, right))
    return quantize(product, y_scale, y_zero, product.ty.ndim - 2)


def qgemm(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert QGemm, whose result is a float where it is given no scale."""
    a, a_scale, a_zero, b, b_scale, b_zero = inputs[:6]
    given = [
        builder.emit(dequantize(a, a_scale, a_zero, 0)),
        builder.emit(dequantize(b, b_scale, b_zero, 0 if attributes.get("transB", 0) else 1)),
        None,
    ]
    if (bias := input_at(inputs, 6)) is not None:
        step = builder.emit(relax.op.multiply(_scalar(a_scale), _scalar(b_scale)))
        given[2] = builder.emit(dequantize(bias, step, None, 0))
    value = tvm_converter("Gemm", builder, given, attributes, FLOAT_OPSET)
    if (y_scale := input_at(inputs, 7)) is None:
        return value
    return quantize(builder.emit(value), y_scale, input_at(inputs, 8), 0)


def qlinear_concat(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert QLinearConcat: scale and zero point of the result, then those behind each part."""
    y_scale, y_zero, *rest = inputs
    triples = [rest[first : first + 3] for first in range(0, len(rest), 3)]
    parts = [builder.emit(dequantize(x, scale, zero, 0)) for x, scale, zero in triples]
    value = relax.op.concat(parts, attributes["axis"])
    return quantize(builder.emit(value), y_scale, y_zero, 0)


def qlinear_binary(operator: str) -> Any:
    """Return the converter of QLinearAdd or QLinearMul."""

    def convert(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
        left_x, left_scale, left_zero, right_x, right_scale, right_zero, y_scale = inputs[:7]
        left = builder.emit(dequantize(left_x, left_scale, left_zero, 0))
        right = builder.emit(dequantize(right_x, right_scale, right_zero, 0))
        value = tvm_converter(operator, builder, [left, right], {}, FLOAT_OPSET)
        return quantize(builder.emit(value), y_scale, input_at(inputs, 7), 0)

    return convert


def qlinear_unary(operator: str) -> Any:
    """Return the converter of an operator with one operand, such as QLinearSigmoid."""

    def convert(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
        if attributes.get("channels_last", 0):
            raise UnsupportedError("its layout, channels last, can't be compiled")
        x, x_scale, x_zero, y_scale, y_zero = [*inputs, None][:5]
        value = builder.emit(dequantize(x, x_scale, x_zero, 0))
        result = tvm_converter(operator, builder, [value], attributes, FLOAT_OPSET)
        return quantize(builder.emit(result), y_scale, y_zero, 0)

    return convert


def quantize(x: Any, scale: Any, zero_point: Any, axis: int) -> Any:
    """Quantise `x` to the dtype of its zero point, uint8 where there is none."""
    zero_point = relax.const(0, "uint8") if zero_point is None else _scalar(zero_point)
    kind = dtype_of(zero_point)
    return relax.op.quantize(x, _scalar(scale), zero_point, axis, kind)


def dequantize(x: Any, scale: Any, zero_point: Any, axis: int) -> Any:
    """Dequantise `x`; a zero point of zeros may be left out."""
    zero_point = relax.const(0, dtype_of(x)) if zero_point is None else _scalar(zero_point)
    scale = _scalar(scale)
    if isinstance(zero_point, GenericConst) and not zero_point.value.numpy().any():
        zero_point = relax.const(0, dtype_of(x))
    return relax.op.dequantize(x, scale, zero_point, axis, dtype_of(scale))


def _dynamic(builder: Any, x: Any) -> list[Any]:
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


def _integer_product(builder: Any, a: Any, b: Any, a_zero: Any, b_zero: Any) -> Any:
    """Multiply what the zero points leave of `a` and `b`, as 32-bit integers.

    Where `b` is an int8 weight with a zero point of 0, the bytes themselves are multiplied, and the
    zero point of `a` times the sums of the weight's columns, which are constant, is taken off.
    """
    direct = isinstance(b, GenericConst) and dtype_of(b) == "int8" and b.ty.ndim == 2
    direct = direct and dtype_of(a) == "uint8" and _is_zero(b_zero)
    if not direct or (a_zero is not None and _scalar(a_zero).ty.ndim):
        left = _minus(builder, a, _along(builder, a_zero, a, a.ty.ndim - 2))
        right = _minus(builder, b, _along(builder, b_zero, b, b.ty.ndim - 1))
        return relax.op.matmul(left, right, "int32")
    product = relax.op.matmul(a, b, "int32")
    if a_zero is None:
        return product
    zero = builder.emit(relax.op.astype(_scalar(a_zero), "int32"))
    columns = builder.emit(relax.op.sum(builder.emit(relax.op.astype(b, "int32")), 0))
    return relax.op.subtract(builder.emit(product), builder.emit(relax.op.multiply(columns, zero)))


def _minus(builder: Any, x: Any, zero_point: Any) -> Any:
    wide = builder.emit(relax.op.astype(x, "int32"))
    if zero_point is None:
        return wide
    zero = builder.emit(relax.op.astype(_scalar(zero_point), "int32"))
    return builder.emit(relax.op.subtract(wide, zero))


def _along(builder: Any, zero_point: Any, x: Any, axis: int) -> Any:
    """Return a one-dimensional zero point so shaped that it broadcasts along `axis` of `x`."""
    if zero_point is None or _scalar(zero_point).ty.ndim != 1:
        return zero_point
    shape = [zero_point.ty.shape[0] if at == axis else 1 for at in range(x.ty.ndim)]
    return builder.emit(relax.op.reshape(zero_point, shape))


def _scalar(value: Any) -> Any:
    """Return a constant of one element as a scalar, and anything else as it is."""
    if not isinstance(value, GenericConst):
        return value
    array = value.value.numpy()
    return as_constant(array.reshape(())) if array.size == 1 and array.ndim else value


def _is_zero(zero_point: Any) -> bool:
    if zero_point is None:
        return True
    return isinstance(zero_point, GenericConst) and not constant(zero_point, "zero point").any()


def _axis(x: Any, attributes: Attributes) -> int:
    rank = x.ty.ndim
    return attributes.get("axis", 1) % rank if rank > 1 else 0


def _refuse_blocks(attributes: Attributes) -> None:
    if attributes.get("block_size", 0):
        raise UnsupportedError("scales per block can't be compiled")
