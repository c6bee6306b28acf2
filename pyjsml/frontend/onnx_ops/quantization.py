"""Quantised operators, of ONNX and of Microsoft, in terms of quantisation and plain operators.

What computes on quantised tensors (QLinearConv) is taken apart into dequantisation, the operator on
floats and quantisation, the form that other models have from the start: the optimiser makes integer
arithmetic of either. What gives 32-bit sums (MatMulInteger) becomes the integer arithmetic itself.
"""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    input_at,
    tvm_converter,
)
from pyjsml.frontend.onnx_ops.quantized_values import (
    along,
    dequantize,
    integer_product,
    minus,
    quantize,
    quantize_by_range,
    scalar,
)

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
    return relax.Tuple(quantize_by_range(builder, inputs[0]))


def matmul_integer(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert MatMulInteger: the zero point of a constant weight's factor leaves the product."""
    a, b = inputs[:2]
    return integer_product(builder, a, b, input_at(inputs, 2), input_at(inputs, 3))


def dynamic_quantize_matmul(
    builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert DynamicQuantizeMatMul: A is quantised as it comes, B is of B's scale, zero point."""
    a, b, b_scale = inputs[:3]
    quantized, a_scale, a_zero = quantize_by_range(builder, a)
    rest = [b_scale, a_zero, input_at(inputs, 3), input_at(inputs, 4)]
    return matmul_integer_to_float(builder, [quantized, b, a_scale, *rest], attributes, opset)


def matmul_integer_to_float(
    builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert MatMulIntegerToFloat: a MatMulInteger, its scales and a bias."""
    a, b, a_scale, b_scale = inputs[:4]
    total = integer_product(builder, a, b, input_at(inputs, 4), input_at(inputs, 5))
    scale = builder.emit(relax.op.multiply(scalar(a_scale), scalar(b_scale)))
    value = relax.op.multiply(builder.emit(relax.op.astype(total, "float32")), scale)
    bias = input_at(inputs, 6)
    return value if bias is None else relax.op.add(builder.emit(value), bias)


def conv_integer(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ConvInteger as a convolution of what the zero points leave, as 32-bit integers."""
    x, weight = inputs[:2]
    wide = [
        minus(builder, x, input_at(inputs, 2)),
        minus(builder, weight, along(builder, input_at(inputs, 3), weight, 0)),
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
        step = builder.emit(relax.op.multiply(scalar(x_scale), scalar(scale)))
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
        step = builder.emit(relax.op.multiply(scalar(a_scale), scalar(b_scale)))
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


def _axis(x: Any, attributes: Attributes) -> int:
    rank = x.ty.ndim
    return attributes.get("axis", 1) % rank if rank > 1 else 0


def _refuse_blocks(attributes: Attributes) -> None:
    if attributes.get("block_size", 0):
        raise UnsupportedError("scales per block can't be compiled")
