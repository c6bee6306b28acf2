"""Fourier transforms of fixed lengths, as matrix products.

The last axis has the parts of a complex number: both, or the real one alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    as_constant,
    constant,
    dtype_of,
    input_at,
)

MAX_ELEMENTS = 1 << 24
"""Of a transform's matrix: 64 MiB of float32."""


def dft(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert DFT, whose axis has been an attribute before opset 20."""
    x, length, axis = inputs[0], input_at(inputs, 1), input_at(inputs, 2)
    at = int(attributes.get("axis", 1)) if opset < 20 else -2
    if axis is not None:
        at = int(constant(axis, "axis").item())
    return _transform(
        builder,
        x,
        at % x.ty.ndim,
        None if length is None else int(constant(length, "length").item()),
        inverse=bool(attributes.get("inverse", 0)),
        onesided=bool(attributes.get("onesided", 0)),
    )


def stft(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert STFT: the DFT of frames that overlap, each multiplied by the window."""
    signal, step, window, length = (input_at(inputs, index) for index in range(4))
    if signal.ty.ndim == 2:
        signal = builder.emit(relax.op.expand_dims(signal, 2))
    stride = int(constant(step, "frame step").item())
    size = int(constant(length, "frame length").item()) if length else _size(window, 0)
    starts = np.arange(0, _size(signal, 1) - size + 1, stride)
    frames = relax.op.take(signal, as_constant(starts[:, None] + np.arange(size)), 1)
    frames = builder.emit(frames)
    if window is not None:
        shaped = builder.emit(relax.op.expand_dims(window, 1))
        frames = builder.emit(relax.op.multiply(frames, shaped))
    onesided = bool(attributes.get("onesided", 1))
    return _transform(builder, frames, 2, size, inverse=False, onesided=onesided)


def _transform(
    builder: Any, x: Any, axis: int, length: int | None, *, inverse: bool, onesided: bool
) -> Any:
    size, parts = _size(x, axis), _size(x, x.ty.ndim - 1)
    if length is None:
        length = 2 * (size - 1) if inverse and onesided else size
    matrix = _matrix(size, parts, length, inverse=inverse, onesided=onesided)
    count, made = matrix.shape[2:]
    if matrix.size > MAX_ELEMENTS:
        raise UnsupportedError(f"a transform of {length} elements is too long for a matrix product")
    others = [each for each in range(x.ty.ndim - 1) if each != axis]
    order = [*others, axis, x.ty.ndim - 1]
    outer = [x.ty.shape[each] for each in others]
    rows = builder.emit(relax.op.permute_dims(x, order))
    rows = builder.emit(relax.op.reshape(rows, [*outer, size * parts]))
    flat = matrix.reshape(size * parts, count * made).astype(dtype_of(x))
    product = builder.emit(relax.op.matmul(rows, as_constant(flat)))
    product = builder.emit(relax.op.reshape(product, [*outer, count, made]))
    return relax.op.permute_dims(product, [order.index(each) for each in range(x.ty.ndim)])


def _matrix(size: int, parts: int, length: int, *, inverse: bool, onesided: bool) -> Any:
    """Return what a transform makes of each part of each element alone: it is linear.

    The axes are the element and its part, then the element of the result and its part.
    """
    units = np.eye(size * parts).reshape(size, parts, size, parts)
    signals = units[..., 0] + (1j * units[..., 1] if parts == 2 else 0)
    if inverse and onesided:
        return np.fft.irfft(signals, length)[..., None]
    made = (np.fft.ifft if inverse else np.fft.fft)(signals, length)
    if onesided:
        made = made[..., : length // 2 + 1]
    return np.stack([made.real, made.imag], -1)


def _size(tensor: Any, axis: int) -> int:
    """Return the length of an axis, which has to be fixed."""
    size = tensor.ty.shape[axis]
    if not isinstance(size, IntImm):
        raise UnsupportedError("the length of its signal is not fixed")
    return int(size)
