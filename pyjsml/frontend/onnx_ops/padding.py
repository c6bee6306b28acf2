"""Padding and cropping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    as_constant,
    constant,
    input_at,
    text,
)
from pyjsml.frontend.slicing import strided_slice


def pad(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Pad; negative sizes crop."""
    data = inputs[0]
    rank = data.ty.ndim
    value: Any = 0
    if opset < 11:
        pads = list(attributes["pads"] if "pads" in attributes else attributes["paddings"])
        value = attributes.get("value", 0.0)
        axes = list(range(rank))
    else:
        pads = constant(inputs[1], "padding").tolist()
        if (given := input_at(inputs, 2)) is not None:
            value = constant(given, "padding value").item()
        axes = list(range(rank))
        if (chosen := input_at(inputs, 3)) is not None:
            axes = [int(axis) % rank for axis in constant(chosen, "list of axes").tolist()]
    mode = text(attributes, "mode", "constant")
    width = [0] * (2 * rank)
    for position, axis in enumerate(axes):
        width[2 * axis] = int(pads[position])
        width[2 * axis + 1] = int(pads[position + len(axes)])
    if min(width) < 0:
        data = builder.emit(_crop(builder, data, width))
        width = [max(0, size) for size in width]
    if not any(width):
        return data
    if mode == "reflect":
        return _reflect(builder, data, width)
    modes = {"constant": "constant", "edge": "replicate", "wrap": "circular"}
    return relax.op.nn.pad(data, width, modes[mode], value)


def _reflect(builder: Any, data: Any, width: Sequence[int]) -> Any:
    """Pad by reflection; what is longer than an axis is reflected again and again."""
    if not any(_exceeds(data, width, axis) for axis in range(data.ty.ndim)):
        return relax.op.nn.pad(data, list(width), "reflect")
    for axis in range(data.ty.ndim):
        before, after = width[2 * axis : 2 * axis + 2]
        if before or after:
            size = int(data.ty.shape[axis])
            period = max(2 * size - 2, 1)
            position = np.arange(-before, size + after) % period
            indices = np.where(position < size, position, period - position)
            data = builder.emit(relax.op.take(data, as_constant(indices), axis))
    return data


def _exceeds(data: Any, width: Sequence[int], axis: int) -> bool:
    size = data.ty.shape[axis]
    return isinstance(size, IntImm) and max(width[2 * axis : 2 * axis + 2]) >= int(size)


def _crop(builder: Any, data: Any, width: Sequence[int]) -> Any:
    """Cut off what a negative padding takes away."""
    axes = [axis for axis in range(len(width) // 2) if min(width[2 * axis : 2 * axis + 2]) < 0]
    starts = [max(0, -width[2 * axis]) for axis in axes]
    ends = [data.ty.shape[axis] - max(0, -width[2 * axis + 1]) for axis in axes]
    return strided_slice(builder, data, axes, starts, ends, [1] * len(axes))
