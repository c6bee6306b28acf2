"""Element-wise operators."""

from __future__ import annotations

from typing import Any

import numpy as np
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
)
from pyjsml.kernels.power import integer_power


def clip(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Clip, whose bounds have been attributes before opset 11."""
    data = inputs[0]
    dtype = dtype_of(data)
    if opset < 11:
        given = [attributes.get("min"), attributes.get("max")]
        bounds = [None if bound is None else relax.const(bound, dtype) for bound in given]
    else:
        bounds = [input_at(inputs, 1), input_at(inputs, 2)]
    # A bound that is infinite or NaN bounds nothing.
    bounds = [None if _is_idle(bound) else bound for bound in bounds]
    numbers = [float(b.value.numpy()) for b in bounds if isinstance(b, GenericConst)]
    if dtype.startswith("float") and len(numbers) == 2:
        return relax.op.clip(data, *numbers)
    if bounds[0] is not None:
        data = builder.emit(relax.op.maximum(data, bounds[0]))
    if bounds[1] is not None:
        data = relax.op.minimum(data, bounds[1])
    return data


def _is_idle(bound: Any) -> bool:
    return isinstance(bound, GenericConst) and not np.isfinite(bound.value.numpy()).all()


def power(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Pow, whose result has the base's dtype."""
    base, exponent = inputs
    dtype = dtype_of(base)
    if dtype.startswith("float"):
        return relax.op.power(base, cast(builder, exponent, dtype))
    if not dtype_of(exponent).startswith("float"):
        exponent = cast(builder, exponent, "int64")
        shape = builder.normalize(relax.op.add(cast(builder, base, "int64"), exponent)).ty.shape
        return builder.emit_te(integer_power, base, exponent, list(shape))
    # A float32 power of whole numbers may come out a little less than the whole number that it is.
    result = builder.emit(relax.op.power(cast(builder, base, "float32"), exponent))
    slack = builder.emit(relax.op.multiply(relax.op.abs(result), relax.const(1e-6, "float32")))
    return relax.op.astype(builder.emit(relax.op.add(result, slack)), dtype)


def is_infinite(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert IsInf, which may look for one sign only."""
    x = inputs[0]
    largest = relax.const(np.finfo(dtype_of(x)).max, dtype_of(x))
    smallest = relax.const(np.finfo(dtype_of(x)).min, dtype_of(x))
    above = builder.emit(relax.op.greater(x, largest))
    below = builder.emit(relax.op.less(x, smallest))
    match attributes.get("detect_positive", 1), attributes.get("detect_negative", 1):
        case 1, 1:
            return relax.op.logical_or(above, below)
        case 1, 0:
            return above
        case 0, 1:
            return below
    return relax.op.logical_and(above, below)


def modulo(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Mod: with the divisor's sign, or with the dividend's if `fmod` is set."""
    x, y = inputs
    if not attributes.get("fmod", 0):
        return relax.op.floor_mod(x, y)
    if not dtype_of(x).startswith("float"):
        return relax.op.mod(x, y)
    whole = builder.emit(relax.op.trunc(relax.op.divide(x, y)))
    rest = builder.emit(relax.op.subtract(x, relax.op.multiply(whole, y)))
    # What is finite is its own rest of an infinity.
    endless = builder.emit(relax.op.equal(relax.op.abs(y), relax.const(np.inf, dtype_of(y))))
    return relax.op.where(endless, x, rest)


def dropout(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Dropout, which does nothing in inference; its mask keeps everything."""
    training = input_at(inputs, 2)
    if training is not None and constant(training, "training mode").item():
        raise UnsupportedError("only its inference can be compiled")
    mask = builder.emit(relax.op.ones_like(inputs[0], "bool" if opset >= 10 else None))
    return relax.Tuple([inputs[0], mask][: attributes["tvm_custom"]["num_outputs"]])


def cast(builder: Any, data: Any, dtype: str) -> Any:
    """Return `data` as `dtype`: itself if it is of that already."""
    if dtype_of(data) == dtype:
        return data
    if isinstance(data, GenericConst):
        return as_constant(data.value.numpy().astype(dtype))
    return builder.emit(relax.op.astype(data, dtype))
