"""ONNX operators whose conversion in TVM is missing, or emits TIR where a Relax operator says more.

An operator that stays a Relax operator can change its layout and fuse; a TIR function can't.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tvm import relax
from tvm.ir import GenericConst

Converter = Callable[[Any, Sequence[Any], Mapping[str, Any], int], Any]
"""`(builder, inputs, attributes, opset) -> expression`; absent inputs are None."""


class NotConstantError(Exception):
    """An argument that has to be known at compile time is computed at run time."""


def _constant(expr: Any, what: str) -> Any:
    if not isinstance(expr, GenericConst):
        raise NotConstantError(f"its {what} is computed at run time")
    return expr.value.numpy()


def _input(inputs: Sequence[Any], index: int) -> Any:
    return inputs[index] if index < len(inputs) else None


def _clip(builder: Any, inputs: Sequence[Any], attributes: Mapping[str, Any], opset: int) -> Any:
    data = inputs[0]
    if opset < 11:
        low, high = attributes.get("min", -math.inf), attributes.get("max", math.inf)
        return relax.op.clip(data, float(low), float(high))
    bounds = [_input(inputs, 1), _input(inputs, 2)]
    dtype = str(data.ty.dtype.dtype)
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


def _pad(builder: Any, inputs: Sequence[Any], attributes: Mapping[str, Any], opset: int) -> Any:
    data = inputs[0]
    rank = data.ty.ndim
    value: Any = 0
    if opset < 11:
        pads = list(attributes["pads"] if "pads" in attributes else attributes["paddings"])
        value = attributes.get("value", 0.0)
        axes = list(range(rank))
    else:
        pads = _constant(inputs[1], "padding").tolist()
        if (given := _input(inputs, 2)) is not None:
            value = _constant(given, "padding value").item()
        axes = list(range(rank))
        if (chosen := _input(inputs, 3)) is not None:
            axes = [int(axis) % rank for axis in _constant(chosen, "list of axes").tolist()]
    mode = attributes.get("mode", b"constant").decode()
    width = [0] * (2 * rank)
    for position, axis in enumerate(axes):
        width[2 * axis] = int(pads[position])
        width[2 * axis + 1] = int(pads[position + len(axes)])
    if min(width) < 0:
        data = builder.emit(_crop(data, width))
        width = [max(0, size) for size in width]
    if not any(width):
        return data
    modes = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}
    return relax.op.nn.pad(data, width, modes[mode], value)


def _crop(data: Any, width: Sequence[int]) -> Any:
    """Cut off what a negative padding takes away."""
    axes = [axis for axis in range(len(width) // 2) if min(width[2 * axis : 2 * axis + 2]) < 0]
    starts = [max(0, -width[2 * axis]) for axis in axes]
    ends = [data.ty.shape[axis] - max(0, -width[2 * axis + 1]) for axis in axes]
    return relax.op.strided_slice(data, axes, starts, ends)


def _slice_1(builder: Any, inputs: Sequence[Any], attributes: Mapping[str, Any], opset: int) -> Any:
    starts, ends = attributes["starts"], attributes["ends"]
    axes = attributes.get("axes", tuple(range(len(starts))))
    return relax.op.strided_slice(inputs[0], list(axes), list(starts), list(ends))


def converter(op_type: str, opset: int) -> Converter | None:
    """Return the converter of `op_type` here, or None if TVM's own is to be used."""
    if op_type == "Slice":
        return _slice_1 if opset < 10 else None
    return _CONVERTERS.get(op_type)


_CONVERTERS: Mapping[str, Converter] = MappingProxyType({"Clip": _clip, "Pad": _pad})
