"""Normalisations that TVM converts in part, or not at all."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    dtype_of,
    input_at,
    tvm_converter,
)


def layer_normalization(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert LayerNormalization; mean and inverse deviation only where they are asked for."""
    x, scale, bias = (input_at(inputs, index) for index in range(3))
    if attributes["tvm_custom"]["num_outputs"] == 1:
        given = [x, scale, bias]
        return tvm_converter("LayerNormalization", builder, given, attributes, opset).fields[0]
    axes = list(range(int(attributes.get("axis", -1)) % x.ty.ndim, x.ty.ndim))
    mean = builder.emit(relax.op.mean(x, axes, keepdims=True))
    centred = builder.emit(relax.op.subtract(x, mean))
    inverse = _inverse_deviation(builder, centred, axes, attributes)
    result = builder.emit(relax.op.multiply(relax.op.multiply(centred, inverse), scale))
    if bias is not None:
        result = builder.emit(relax.op.add(result, bias))
    return relax.Tuple([result, mean, inverse])


def rms_normalization(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert RMSNormalization, and Microsoft's SimplifiedLayerNormalization, which it is."""
    x, scale = inputs[:2]
    axes = list(range(int(attributes.get("axis", -1)) % x.ty.ndim, x.ty.ndim))
    inverse = _inverse_deviation(builder, x, axes, attributes)
    return relax.op.multiply(builder.emit(relax.op.multiply(x, inverse)), scale)


def skip_rms_normalization(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Microsoft's SkipSimplifiedLayerNormalization: a sum, normalised; and the sum."""
    x, skip, scale = inputs[:3]
    total = builder.emit(relax.op.add(x, skip))
    if (bias := input_at(inputs, 3)) is not None:
        total = builder.emit(relax.op.add(total, bias))
    result = builder.emit(rms_normalization(builder, [total, scale], attributes, opset))
    return _with_sum(result, total, attributes)


def skip_layer_normalization(
    builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert Microsoft's SkipLayerNormalization: a sum, normalised; and the sum."""
    x, skip, scale = inputs[:3]
    total = builder.emit(relax.op.add(x, skip))
    if (bias := input_at(inputs, 4)) is not None:
        total = builder.emit(relax.op.add(total, bias))
    alone = {**attributes, "tvm_custom": {"num_outputs": 1}}
    result = layer_normalization(builder, [total, scale, input_at(inputs, 3)], alone, 17)
    return _with_sum(builder.emit(result), total, attributes)


def batch_normalization(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert BatchNormalization as inference has it: a scale and a shift of each channel."""
    if attributes.get("training_mode", 0) or not attributes.get("spatial", 1):
        raise UnsupportedError("only its inference on whole channels can be compiled")
    if inputs[0].ty.ndim == 4:
        return tvm_converter("BatchNormalization", builder, inputs, attributes, opset)
    x, scale, bias, mean, variance = inputs
    rank = x.ty.ndim
    epsilon = relax.const(attributes.get("epsilon", 1e-5), dtype_of(variance))
    deviation = builder.emit(relax.op.sqrt(relax.op.add(variance, epsilon)))
    factor = builder.emit(relax.op.divide(scale, deviation))
    shift = builder.emit(relax.op.subtract(bias, relax.op.multiply(mean, factor)))
    if rank > 2:
        shape = [1, -1, *[1] * (rank - 2)]
        factor = builder.emit(relax.op.reshape(factor, shape))
        shift = builder.emit(relax.op.reshape(shift, shape))
    return relax.op.add(builder.emit(relax.op.multiply(x, factor)), shift)


def local_response(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert LRN, as long as its windows have a channel in the middle."""
    if int(attributes["size"]) % 2 == 0:
        raise UnsupportedError("only windows of an odd number of channels can be compiled")
    return tvm_converter("LRN", builder, inputs, attributes, opset)


def _with_sum(result: Any, total: Any, attributes: Attributes) -> Any:
    """Return what Microsoft's operators do: the sum is output 3; training has outputs 1 and 2."""
    wanted = attributes["tvm_custom"]["num_outputs"]
    return result if wanted == 1 else relax.Tuple([result, result, result, total][:wanted])


def _inverse_deviation(builder: Any, x: Any, axes: list[int], attributes: Attributes) -> Any:
    squares = builder.emit(relax.op.multiply(x, x))
    variance = builder.emit(relax.op.mean(squares, axes, keepdims=True))
    epsilon = relax.const(attributes.get("epsilon", 1e-5), dtype_of(x))
    deviation = builder.emit(relax.op.sqrt(relax.op.add(variance, epsilon)))
    return builder.emit(relax.op.divide(relax.const(1.0, dtype_of(x)), deviation))
