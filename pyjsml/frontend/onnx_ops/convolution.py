"""Convolutions."""

from __future__ import annotations

from typing import Any

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    text,
    tvm_converter,
)


def conv_transpose(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ConvTranspose; an `output_shape` decides the padding."""
    attributes = dict(attributes)
    padded = [*inputs, *[None] * (3 - len(inputs))]
    if "output_shape" in attributes:
        attributes |= _padding(inputs, attributes)
    return tvm_converter("ConvTranspose", builder, padded, attributes, opset)


def _padding(inputs: Inputs, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that give the output its shape."""
    spatial = inputs[0].ty.ndim - 2
    wanted = [int(size) for size in attributes.pop("output_shape")][-spatial:]
    lower = text(attributes, "auto_pad", "NOTSET") == "SAME_LOWER"
    attributes.pop("auto_pad", None)
    ones = [1] * spatial
    strides = attributes.get("strides", ones)
    dilations = attributes.get("dilations", ones)
    more = list(attributes.get("output_padding", [0] * spatial))
    begins, ends = [], []
    for axis in range(spatial):
        size, kernel = (given.ty.shape[axis + 2] for given in inputs[:2])
        try:
            natural = strides[axis] * (int(size) - 1) + (int(kernel) - 1) * dilations[axis] + 1
        except TypeError:
            raise UnsupportedError("its output's shape is fixed, and its input's is not") from None
        surplus = natural + more[axis] - wanted[axis]
        if surplus < 0:
            more[axis] -= surplus
            surplus = 0
        begins.append(surplus - surplus // 2 if lower else surplus // 2)
        ends.append(surplus - begins[-1])
    return {"pads": begins + ends, "output_padding": more}
