"""Element-wise operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from tvm import relax, tirx
from tvm.ir import GenericConst
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    as_constant,
    constant,
    dtype_of,
    input_at,
    text,
    tvm_converter,
)
from pyjsml.frontend.onnx_ops.sizes import Sizes, argument, value_of
from pyjsml.frontend.remainders import floored_remainder, truncated_remainder
from pyjsml.kernels.ops.power import integer_power
from pyjsml.kernels.ops.sequences import same_bits

CASTS = frozenset(
    {"FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "BOOL"}
    | {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)
"""What Cast may make: elements of a whole number of bytes."""


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
    # A float32 power of whole numbers may come out a little nearer to 0 than the number that it is.
    result = builder.emit(relax.op.power(cast(builder, base, "float32"), exponent))
    slack = builder.emit(relax.op.multiply(result, relax.const(1e-6, "float32")))
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
    if attributes.get("fmod", 0):
        return truncated_remainder(builder, x, y)
    return floored_remainder(builder, x, y)


def bit_shift(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert BitShift; a shift by a negative count, or by all bits, leaves none of them."""
    x, count = inputs
    dtype = dtype_of(x)
    zero, bits = relax.const(0, dtype), np.iinfo(dtype).bits
    least = builder.emit(relax.op.less(count, zero))
    most = builder.emit(relax.op.greater_equal(count, relax.const(bits, dtype)))
    gone = builder.emit(relax.op.logical_or(least, most))
    count = builder.emit(relax.op.where(gone, relax.const(bits - 1, dtype), count))
    if text(attributes, "direction", "") == "RIGHT" and dtype.startswith("int"):
        # The sign comes in from the left, so that a shift by all bits but one leaves nothing else.
        return relax.op.right_shift(x, count)
    right = text(attributes, "direction", "") == "RIGHT"
    shifted = builder.emit((relax.op.right_shift if right else relax.op.left_shift)(x, count))
    return relax.op.where(gone, zero, shifted)


def cast_to(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Cast."""
    kind = onnx.TensorProto.DataType.Name(attributes["to"])
    if kind not in CASTS:
        raise UnsupportedError(f"there is no {kind.lower()} in a bundle")
    return tvm_converter("Cast", builder, inputs, attributes, opset)


def bit_cast(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert BitCast between dtypes of the same width."""
    x = inputs[0]
    kind = onnx.TensorProto.DataType.Name(attributes["to"])
    if kind not in CASTS:
        raise UnsupportedError(f"there is no {kind.lower()} in a bundle")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])
    if dtype.name == "bool" or dtype_of(x) == "bool":
        raise UnsupportedError("a bool has no bits of its own")
    if dtype.itemsize != np.dtype(dtype_of(x)).itemsize:
        raise UnsupportedError(f"a {dtype_of(x)} is not as wide as a {dtype.name}")
    return builder.emit_te(same_bits, x, dtype.name)


def eye_like(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert EyeLike: a constant, where the shape of its input is fixed."""
    x = inputs[0]
    if not all(isinstance(size, IntImm) for size in x.ty.shape):
        return tvm_converter("EyeLike", builder, inputs, attributes, opset)
    dtype = dtype_of(x)
    if "dtype" in attributes:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(attributes["dtype"]).name
    rows, columns = map(int, x.ty.shape)
    return as_constant(np.eye(rows, columns, int(attributes.get("k", 0))).astype(dtype))


def arange(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Range."""
    if not any(isinstance(each, Sizes) for each in inputs):
        if dtype_of(inputs[0]) == "bfloat16":
            raise UnsupportedError("there is no bfloat16 in a bundle")
        return tvm_converter("Range", builder, inputs, attributes, opset)
    dtype = next(each.dtype for each in inputs if isinstance(each, Sizes))
    (start,), (limit,), (step,) = map(argument, inputs, ("start", "limit", "step"))
    if not isinstance(step, int):
        raise UnsupportedError("its step varies")
    ahead = limit - start if step > 0 else start - limit
    steps = tirx.floordiv(ahead + abs(step) - 1, abs(step))
    counted = relax.op.arange(0, builder.simplify(tirx.max(steps, 0)), 1, dtype)
    scaled = builder.emit(relax.op.multiply(counted, relax.const(step, dtype)))
    first = value_of(start, dtype)
    return relax.op.add(scaled, first.tensor(builder) if isinstance(first, Sizes) else first)


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
