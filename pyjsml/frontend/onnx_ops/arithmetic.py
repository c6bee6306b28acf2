"""Element-wise operators."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax
from tvm.ir import GenericConst

from pyjsml.frontend.onnx_ops.common import Attributes, Inputs, dtype_of, input_at


def clip(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Clip, whose bounds have been attributes before opset 11."""
    data = inputs[0]
    if opset < 11:
        low, high = attributes.get("min", -math.inf), attributes.get("max", math.inf)
        return relax.op.clip(data, float(low), float(high))
    bounds = [input_at(inputs, 1), input_at(inputs, 2)]
    dtype = dtype_of(data)
    if dtype.startswith("float") and all(
        bound is None or isinstance(bound, GenericConst) for bound in bounds
    ):
        low, high = (None if bound is None else float(bound.value.numpy()) for bound in bounds)
        # A bound that is NaN bounds nothing.
        low = -math.inf if low is None or math.isnan(low) else low
        high = math.inf if high is None or math.isnan(high) else high
        return relax.op.clip(data, low, high)
    if bounds[0] is not None:
        data = builder.emit(relax.op.maximum(data, bounds[0]))
    if bounds[1] is not None:
        data = relax.op.minimum(data, bounds[1])
    return data


def power(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Pow, which has the base's dtype; there is a power of floats alone."""
    base, exponent = inputs
    dtype = dtype_of(base)
    wide = dtype if dtype.startswith("float") else "float64"
    result = relax.op.power(_cast(builder, base, wide), _cast(builder, exponent, wide))
    return result if wide == dtype else relax.op.astype(builder.emit(result), dtype)


def _cast(builder: Any, data: Any, dtype: str) -> Any:
    if dtype_of(data) == dtype:
        return data
    if isinstance(data, GenericConst):
        return relax.const(data.value.numpy().astype(dtype))
    return builder.emit(relax.op.astype(data, dtype))
