"""Pooling: the largest elements of windows, where they were, and what is put back there."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.arithmetic import cast
from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    constant,
    dtype_of,
    input_at,
    text,
    tvm_converter,
)
from pyjsml.kernels.ops.sampled import Regions, pooled_regions
from pyjsml.kernels.ops.windowed import Windows, where_largest


def max_pool(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert MaxPool; the places of the maxima only where they are asked for."""
    x, spatial = inputs[0], inputs[0].ty.ndim - 2
    ones = [1] * spatial
    kernel = [int(size) for size in attributes["kernel_shape"]]
    strides = [int(step) for step in attributes.get("strides", ones)]
    dilations = [int(step) for step in attributes.get("dilations", ones)]
    pads = list(map(int, attributes.get("pads", [0] * (2 * spatial))))
    side = text(attributes, "auto_pad", "NOTSET")
    if side.startswith("SAME"):
        pads = _same(x, kernel, strides, dilations, lower=side == "SAME_LOWER")
    given = {**attributes, "auto_pad": b"NOTSET", "pads": pads}
    largest = builder.emit(tvm_converter("MaxPool", builder, inputs, given, opset))
    if attributes["tvm_custom"]["num_outputs"] == 1:
        return largest
    places = partial(
        where_largest,
        sizes=list(largest.ty.shape)[2:],
        windows=Windows(kernel, strides, dilations, pads[:spatial]),
        column_major=bool(attributes.get("storage_order", 0)),
    )
    return relax.Tuple([largest, builder.emit_te(places, x, primfunc_name_hint="where_largest")])


def lp_pool(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert LpPool; what the windows of `ceil_mode` hold beyond the padding is 0, too."""
    x, spatial = inputs[0], inputs[0].ty.ndim - 2
    if not attributes.get("ceil_mode", 0):
        return tvm_converter("LpPool", builder, inputs, attributes, opset)
    ones = [1] * spatial
    pads = list(map(int, attributes.get("pads", [0] * (2 * spatial))))
    for axis, (size, step, dilation) in enumerate(
        zip(
            attributes["kernel_shape"],
            attributes.get("strides", ones),
            attributes.get("dilations", ones),
            strict=True,
        )
    ):
        length = x.ty.shape[axis + 2]
        if not isinstance(length, IntImm):
            raise UnsupportedError(f"its padding depends on the length of axis {axis + 2}")
        padded = int(length) + pads[axis] + pads[axis + spatial]
        left = (padded - (size - 1) * dilation - 1) % step
        last = padded - left + step - (size - 1) * dilation - 1
        # A window that begins behind the tensor is none.
        if left and last < int(length) + pads[axis]:
            pads[axis + spatial] += step - left
    given = {**attributes, "ceil_mode": 0, "pads": pads}
    return tvm_converter("LpPool", builder, inputs, given, opset)


def max_unpool(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert MaxUnpool. The places of elements are those in the result, as ONNX Runtime has it."""
    x, places, given = (input_at(inputs, index) for index in range(3))
    shape = list(x.ty.shape)
    if given is not None:
        shape = constant(given, "output shape").tolist()
    else:
        kernel = attributes["kernel_shape"]
        strides = attributes.get("strides", [1] * len(kernel))
        pads = attributes.get("pads", [0] * (2 * len(kernel)))
        for axis, (size, step) in enumerate(zip(kernel, strides, strict=True)):
            cut = pads[axis] + pads[axis + len(kernel)]
            shape[axis + 2] = (shape[axis + 2] - 1) * step + size - cut
    whole = relax.ShapeExpr(shape)
    count = builder.simplify(math.prod(shape[1:], start=shape[0]))
    empty = builder.emit(relax.op.zeros(relax.ShapeExpr([count]), dtype_of(x)))
    rows = [builder.emit(relax.op.reshape(each, [-1])) for each in (places, x)]
    return relax.op.reshape(builder.emit(relax.op.scatter_elements(empty, *rows)), whole)


def roi_align(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert RoiAlign, whose indices have been those of pixels' corners before opset 16."""
    x, regions, pictures = inputs
    default = "half_pixel" if opset >= 16 else "output_half_pixel"
    how = Regions(
        sizes=(int(attributes.get("output_height", 1)), int(attributes.get("output_width", 1))),
        scale=float(attributes.get("spatial_scale", 1.0)),
        sampling=int(attributes.get("sampling_ratio", 0)),
        half_pixel=text(attributes, "coordinate_transformation_mode", default) == "half_pixel",
        maximum=text(attributes, "mode", "avg") == "max",
    )
    pictures = cast(builder, pictures, "int64")
    pool = partial(pooled_regions, how=how)
    return builder.emit_te(pool, x, regions, pictures, primfunc_name_hint="pooled_regions")


def _same(
    x: Any, kernel: list[int], strides: list[int], dilations: list[int], *, lower: bool
) -> list[int]:
    """Return the padding that makes a window begin at every stride; `lower` has more in front."""
    begins, ends = [], []
    for axis, (size, step, dilation) in enumerate(zip(kernel, strides, dilations, strict=True)):
        length = x.ty.shape[axis + 2]
        if not isinstance(length, IntImm):
            raise UnsupportedError(f"its padding depends on the length of axis {axis + 2}")
        last = (-(-int(length) // step) - 1) * step
        missing = max(0, last + (size - 1) * dilation + 1 - int(length))
        begins.append(missing - missing // 2 if lower else missing // 2)
        ends.append(missing - begins[-1])
    return begins + ends
