"""Convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    constant,
    input_at,
    text,
    tvm_converter,
)
from pyjsml.kernels.ops.sampled import deformed_columns
from pyjsml.kernels.ops.windowed import Windows, overlapped


def conv(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Conv."""
    _check_kernel(inputs[1])
    return tvm_converter("Conv", builder, inputs, attributes, opset)


def conv_transpose(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ConvTranspose; an `output_shape` decides the padding."""
    _check_kernel(inputs[1])
    attributes = dict(attributes)
    padded = [*inputs, *[None] * (3 - len(inputs))]
    if "output_shape" in attributes:
        attributes |= _padding(inputs, attributes)
    return tvm_converter("ConvTranspose", builder, padded, attributes, opset)


def deform_conv(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert DeformConv of pictures: columns of elements between pixels, times the weights."""
    x, weight, offsets, bias, mask = (input_at(inputs, index) for index in range(5))
    if x.ty.ndim != 4:
        raise UnsupportedError(
            f"only that of pictures can be compiled, not of {x.ty.ndim - 2} axes"
        )
    batch, channels, *_ = x.ty.shape
    made, _, *kernel = weight.ty.shape
    *_, height, width = offsets.ty.shape
    groups = int(attributes.get("group", 1))
    sample = partial(
        deformed_columns,
        windows=_windows(list(map(int, kernel)), attributes),
        groups=int(attributes.get("offset_group", 1)),
    )
    given = [x, offsets] if mask is None else [x, offsets, mask]
    columns = builder.emit_te(sample, *given, primfunc_name_hint="deformed_columns")
    depth = channels // groups * kernel[0] * kernel[1]
    columns = builder.emit(relax.op.reshape(columns, [batch, groups, depth, height * width]))
    weight = builder.emit(relax.op.reshape(weight, [groups, made // groups, depth]))
    result = builder.emit(relax.op.matmul(weight, columns))
    result = builder.emit(relax.op.reshape(result, [batch, made, height, width]))
    if bias is None:
        return result
    return relax.op.add(result, builder.emit(relax.op.reshape(bias, [1, made, 1, 1])))


def col2im(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Col2Im: the sums of windows where they overlap."""
    columns, image, block = inputs
    sizes = constant(image, "image's shape").tolist()
    windows = _windows(constant(block, "block's shape").tolist(), attributes)
    ends = list(attributes.get("pads", [0] * (2 * len(sizes))))[len(sizes) :]
    blocks = [
        (size + begin + end - (taps - 1) * dilation - 1) // stride + 1
        for size, begin, end, taps, dilation, stride in zip(
            sizes,
            windows.begins,
            ends,
            windows.kernel,
            windows.dilations,
            windows.strides,
            strict=True,
        )
    ]
    rows, made = columns.ty.shape[1], columns.ty.shape[2]
    wanted = math.prod(blocks)
    if int(made) != wanted or int(rows) % math.prod(windows.kernel):
        raise ValueError(
            f"its input is of {int(rows)} rows and {int(made)} windows, and its shapes make "
            f"{wanted} windows of {math.prod(windows.kernel)} elements"
        )
    sums = partial(overlapped, sizes=sizes, blocks=blocks, windows=windows)
    return builder.emit_te(sums, columns, primfunc_name_hint="overlapped")


def _windows(kernel: Sequence[int], attributes: Attributes) -> Windows:
    """Return windows of `kernel` elements, spread as the attributes say."""
    ones = [1] * len(kernel)
    pads = attributes.get("pads", [0] * (2 * len(kernel)))
    return Windows(
        list(kernel),
        list(attributes.get("strides", ones)),
        list(attributes.get("dilations", ones)),
        list(pads[: len(kernel)]),
    )


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


def _check_kernel(weight: Any) -> None:
    """Raise UnsupportedError for a kernel whose size varies from run to run."""
    if not all(isinstance(size, IntImm) for size in weight.ty.shape):
        raise UnsupportedError("its weights have axes whose lengths vary: give them fixed shapes")
