"""Element-wise operators."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.remainders import floored_remainder, truncated_remainder
from pyjsml.frontend.tensors import dtype_name
from pyjsml.frontend.torch_ops.common import arguments, dtype_of, operand


def clamp(importer: Any, node: Any) -> Any:
    """Convert clamp; for a bound that is left out TVM takes an infinity, which no integer has."""
    builder = importer.block_builder
    data, low, high = arguments(importer, node, None, None)
    low, high = node.kwargs.get("min", low), node.kwargs.get("max", high)
    dtype = dtype_of(data)
    bounds = [low, high]
    numbers = all(isinstance(bound, int | float) and math.isfinite(bound) for bound in bounds)
    if dtype.startswith("float") and numbers:
        return builder.emit(relax.op.clip(data, float(low), float(high)))
    dtype = dtype_name(node.meta["val"].dtype)
    data = operand(importer, data, dtype)
    for bound, cut in ((low, relax.op.maximum), (high, relax.op.minimum)):
        endless = isinstance(bound, float) and math.isinf(bound)
        if bound is not None and not endless:
            data = builder.emit(cut(data, operand(importer, bound, dtype)))
    return data


def where(importer: Any, node: Any) -> Any:
    """Convert where, whose operands may be of several dtypes."""
    condition, *values = importer.retrieve_args(node)
    dtype = dtype_name(node.meta["val"].dtype)
    then, otherwise = (operand(importer, value, dtype) for value in values)
    return importer.block_builder.emit(relax.op.where(condition, then, otherwise))


def divide(importer: Any, node: Any) -> Any:
    """Convert div, which of integers is a fraction; TVM's own rounds it."""
    return importer.block_builder.emit(relax.op.divide(*_operands(importer, node)))


def divide_rounding(importer: Any, node: Any) -> Any:
    """Convert div with a rounding mode."""
    builder = importer.block_builder
    dtype = dtype_name(node.meta["val"].dtype)
    left, right = _operands(importer, node)
    match node.kwargs.get("rounding_mode"):
        case "floor":
            return builder.emit(relax.op.floor_divide(left, right))
        case "trunc" if dtype.startswith("float"):
            return builder.emit(relax.op.trunc(relax.op.divide(left, right)))
        case _:
            # The quotient of integers drops its fraction.
            return builder.emit(relax.op.divide(left, right))


def fmod(importer: Any, node: Any) -> Any:
    """Convert fmod, whose result has the dividend's sign."""
    builder = importer.block_builder
    return builder.emit(truncated_remainder(builder, *_operands(importer, node)))


def remainder(importer: Any, node: Any) -> Any:
    """Convert remainder, whose result has the divisor's sign."""
    builder = importer.block_builder
    return builder.emit(floored_remainder(builder, *_operands(importer, node)))


def _operands(importer: Any, node: Any) -> list[Any]:
    """Return the first two arguments of `node` as tensors of its result's dtype."""
    dtype = dtype_name(node.meta["val"].dtype)
    return [operand(importer, each, dtype) for each in importer.retrieve_args(node)[:2]]


def power(importer: Any, node: Any) -> Any:
    """Convert pow; one of integers is a product, which only a known exponent tells."""
    builder = importer.block_builder
    dtype = dtype_name(node.meta["val"].dtype)
    base, exponent = importer.retrieve_args(node)
    base = operand(importer, base, dtype)
    if dtype.startswith("float"):
        return builder.emit(relax.op.power(base, operand(importer, exponent, dtype)))
    if not isinstance(exponent, int) or exponent < 0:
        raise ModelError("of integers only powers with a fixed exponent can be compiled")
    result = base if exponent else relax.op.ones_like(base)
    for _ in range(exponent - 1):
        result = builder.emit(relax.op.multiply(result, base))
    return result


def elu(importer: Any, node: Any) -> Any:
    """Convert elu; TVM's own drops the two scales, which make it SELU."""
    builder = importer.block_builder
    data, alpha, scale, input_scale = arguments(importer, node, 1, 1, 1)
    dtype = dtype_of(data)
    zero, one = relax.const(0, dtype), relax.const(1, dtype)
    below = builder.emit(relax.op.exp(relax.op.multiply(data, relax.const(input_scale, dtype))))
    below = builder.emit(relax.op.subtract(relax.op.minimum(below, one), one))
    below = relax.op.multiply(below, relax.const(alpha * scale, dtype))
    above = relax.op.multiply(relax.op.maximum(data, zero), relax.const(scale, dtype))
    return builder.emit(relax.op.add(above, below))


def left_shift(importer: Any, node: Any) -> Any:
    """Convert `<<` by a number."""
    data, count = importer.retrieve_args(node)
    shifted = relax.op.left_shift(data, relax.const(count, dtype_of(data)))
    return importer.block_builder.emit(shifted)


def right_shift(importer: Any, node: Any) -> Any:
    """Convert `>>` by a number."""
    data, count = importer.retrieve_args(node)
    shifted = relax.op.right_shift(data, relax.const(count, dtype_of(data)))
    return importer.block_builder.emit(shifted)
