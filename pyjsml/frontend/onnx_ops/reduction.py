"""Reductions and running products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Converter,
    Inputs,
    constant,
    dtype_of,
    input_at,
    tvm_converter,
)

COMPOSITES = ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
"""The reductions that compute something of each element first, and of the sum."""


def reduce_max(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ReduceMax, which of booleans is whether any is true."""
    return _extreme("ReduceMax", builder, inputs, attributes, opset)


def reduce_min(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ReduceMin, which of booleans is whether all are true."""
    return _extreme("ReduceMin", builder, inputs, attributes, opset)


def composite(operator: str) -> Converter:
    """Return what converts a reduction of what is computed of each element.

    Where it is to reduce no axis, that is still computed.
    """

    def convert(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
        x, axes = inputs[0], input_at(inputs, 1)
        given = axes is not None and constant(axes, "list of axes").size
        if given or opset < 18 or not attributes.get("noop_with_empty_axes", 0):
            return tvm_converter(operator, builder, [x, axes], attributes, opset)
        match operator:
            case "ReduceL1" | "ReduceL2":
                return relax.op.abs(x)
            case "ReduceLogSum":
                return relax.op.log(x)
            case "ReduceSumSquare":
                return relax.op.multiply(x, x)
        return x

    return convert


def cumulative_product(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert CumProd."""
    x = inputs[0]
    axis = int(constant(inputs[1], "axis").item())
    backwards = bool(attributes.get("reverse", 0))
    if backwards:
        x = builder.emit(relax.op.flip(x, axis))
    result = relax.op.cumprod(x, axis, exclusive=bool(attributes.get("exclusive", 0)))
    return relax.op.flip(builder.emit(result), axis) if backwards else result


def cumulative_sum(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert CumSum."""
    constant(inputs[1], "axis")
    return tvm_converter("CumSum", builder, inputs, attributes, opset)


def lp_normalization(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert LpNormalization; what is all zeros stays so."""
    x = inputs[0]
    axes = [int(attributes.get("axis", -1))]
    if int(attributes.get("p", 2)) == 1:
        norm = builder.emit(relax.op.sum(relax.op.abs(x), axes, keepdims=True))
    else:
        squares = builder.emit(relax.op.multiply(x, x))
        norm = builder.emit(relax.op.sqrt(relax.op.sum(squares, axes, keepdims=True)))
    zero, one = (relax.const(value, dtype_of(x)) for value in (0.0, 1.0))
    divisor = builder.emit(relax.op.where(relax.op.equal(norm, zero), one, norm))
    return relax.op.divide(x, divisor)


def _extreme(
    operator: str, builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    convert: Callable[..., Any] = tvm_converter
    given = [inputs[0], input_at(inputs, 1)]
    if dtype_of(inputs[0]) != "bool":
        return convert(operator, builder, given, attributes, opset)
    given[0] = builder.emit(relax.op.astype(inputs[0], "uint8"))
    result = builder.normalize(convert(operator, builder, given, attributes, opset))
    return relax.op.astype(result, "bool")
