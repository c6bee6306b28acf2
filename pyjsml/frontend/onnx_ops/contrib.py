"""Microsoft's operators, which ONNX Runtime's optimiser puts into models."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    dtype_of,
    input_at,
    text,
    tvm_converter,
)
from pyjsml.frontend.slicing import strided_slice


def gelu(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Gelu, exact unless ONNX's own asks for the approximation."""
    if text(attributes, "approximate", "none") == "tanh":
        return relax.op.nn.gelu_tanh(inputs[0])
    return relax.op.nn.gelu(inputs[0])


def fast_gelu(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert FastGelu: the approximation by tanh of the sum with the bias, if there is one."""
    x = inputs[0]
    if (bias := input_at(inputs, 1)) is not None:
        x = builder.emit(relax.op.add(x, bias))
    return relax.op.nn.gelu_tanh(x)


def quick_gelu(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert QuickGelu: x · sigmoid(alpha · x)."""
    x = inputs[0]
    alpha = relax.const(attributes.get("alpha", 1.702), dtype_of(x))
    return relax.op.multiply(x, relax.op.sigmoid(relax.op.multiply(x, alpha)))


def bias_add(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert BiasAdd: the sum of a tensor, a bias and a residual."""
    x, bias, skip = inputs
    return relax.op.add(builder.emit(relax.op.add(x, bias)), skip)


def bias_split_gelu(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert BiasSplitGelu: left · gelu(right) of the two halves of a sum."""
    total = builder.emit(relax.op.add(*inputs))
    last = total.ty.ndim - 1
    size = total.ty.shape[last]
    left = builder.emit(strided_slice(builder, total, [last], [0], [size // 2], [1]))
    right = builder.emit(strided_slice(builder, total, [last], [size // 2], [size], [1]))
    return relax.op.multiply(left, relax.op.nn.gelu(right))


def fused_conv(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert FusedConv: a convolution, a sum and an activation."""
    padded = [*inputs[:3], *[None] * (3 - len(inputs))]
    value = builder.emit(tvm_converter("Conv", builder, padded, attributes, 11))
    if (summand := input_at(inputs, 3)) is not None:
        value = builder.emit(relax.op.add(value, summand))
    parameters = [float(p) for p in attributes.get("activation_params", ())]
    activation = text(attributes, "activation", "")
    match activation:
        case "":
            return value
        case "Relu":
            return relax.op.nn.relu(value)
        case "Sigmoid":
            return relax.op.sigmoid(value)
        case "Tanh":
            return relax.op.tanh(value)
        case "LeakyRelu":
            return relax.op.nn.leakyrelu(value, *parameters)
        case "Clip":
            return relax.op.clip(value, *parameters)
        case "HardSigmoid":
            alpha, beta = (relax.const(p, dtype_of(value)) for p in parameters)
            line = builder.emit(relax.op.add(relax.op.multiply(value, alpha), beta))
            return relax.op.clip(line, 0.0, 1.0)
    raise UnsupportedError(f"its activation {activation} can't be compiled")
