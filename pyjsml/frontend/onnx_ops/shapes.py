"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.frontend.onnx_ops.common import Attributes, Inputs


def slice_1(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert the Slice of before opset 10, whose bounds are attributes."""
    starts, ends = attributes["starts"], attributes["ends"]
    axes = attributes.get("axes", tuple(range(len(starts))))
    return relax.op.strided_slice(inputs[0], list(axes), list(starts), list(ends))
