"""Lower convolutions of channels-last activations to kernels that read packed weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import tvm
from tvm import relax, te

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops import few_columns
from pyjsml.kernels.ops import conv2d, conv2d_transpose, depthwise, matmul
from pyjsml.kernels.tir.dims import FlatDims
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.quantize.lower import conv2d_int8
from pyjsml.optimize.rewrite import dtype_of, emit, shape_of
from pyjsml.optimize.simplify import reshape
from pyjsml.optimize.winograd import choose_points, winograd_conv2d

OIHW = ("o", "i", "h", "w")


@dataclass(frozen=True)
class Convolved:
    """A kernel's call, and the NHWC shape that its elements have.

    A transposed convolution may compute more rows and columns than the node has.
    """

    value: relax.Expr
    shape: list[tvm.ir.Expr]


Lower = Callable[[relax.BlockBuilder, relax.Expr, relax.Expr, tvm.ir.Attrs, FlatDims], Convolved]


def lower_conv2d(
    builder: relax.BlockBuilder,
    x: relax.Expr,
    weight: relax.Expr,
    attrs: tvm.ir.Attrs,
    flat: FlatDims,
) -> Convolved:
    """Lower a convolution of `x` [N, H, W, I] with `weight` [O, I / groups, KH, KW]."""
    if dtype_of(x) == "uint8":
        integers = conv2d_int8(builder, x, weight, attrs)
        return Convolved(integers, list(integers.ty_args[0].shape))
    if _is_narrow(weight, int(attrs.groups)):
        return _narrow(builder, x, weight, attrs)
    if (points := choose_points(x, weight, attrs)) is not None:
        tiles = winograd_conv2d(builder, x, weight, attrs.padding, points)
        return Convolved(tiles, list(tiles.ty_args[0].shape))
    out_channels, group_inputs, height, width = shape_of(weight)
    groups = int(attrs.groups)
    depthwise_only = int(group_inputs) == 1 and int(out_channels) == groups
    x, window = _window(builder, x, attrs, implicit=groups == 1 or depthwise_only)
    if groups == 1 and int(height) == int(width) == 1 and window == conv2d.Window((1, 1)):
        return _pointwise(builder, x, weight, flat)
    if groups == 1:
        packed = builder.emit(call_generic(builder, conv2d.pack_conv2d, [weight], [OIHW]))
        call = builder.call_te(
            partial(conv2d.conv2d, window=window),
            x,
            packed,
            int(out_channels),
            primfunc_name_hint="conv2d",
        )
    elif depthwise_only:
        packed = builder.emit(call_generic(builder, depthwise.pack_depthwise, [weight], [OIHW]))
        call = builder.call_te(
            partial(depthwise.depthwise_conv2d, window=window),
            x,
            packed,
            primfunc_name_hint="depthwise_conv2d",
        )
    else:
        packed = builder.emit(call_generic(builder, conv2d.pack_group_conv2d, [weight], [OIHW]))
        call = builder.call_te(
            partial(conv2d.group_conv2d, window=window),
            x,
            packed,
            groups,
            primfunc_name_hint="group_conv2d",
        )
    return Convolved(call, list(call.ty_args[0].shape))


def _is_narrow(weight: relax.Expr, groups: int) -> bool:
    """Tell whether a convolution has so few outputs that they would leave a panel half empty."""
    out_channels, in_channels = (int(size) for size in shape_of(weight)[:2])
    return (
        groups == 1
        and out_channels <= few_columns.MAX_COLUMNS
        and in_channels % LANES == 0
        and dtype_of(weight) == "float32"
    )


def _narrow(
    builder: relax.BlockBuilder, x: relax.Expr, weight: relax.Expr, attrs: tvm.ir.Attrs
) -> Convolved:
    x, window = _window(builder, x, attrs, implicit=True)
    packed = builder.emit(call_generic(builder, conv2d.pack_narrow_conv2d, [weight], [OIHW]))
    call = builder.call_te(
        partial(conv2d.narrow_conv2d, window=window),
        x,
        packed,
        primfunc_name_hint="narrow_conv2d",
    )
    return Convolved(call, list(call.ty_args[0].shape))


def lower_conv2d_transpose(
    builder: relax.BlockBuilder,
    x: relax.Expr,
    weight: relax.Expr,
    attrs: tvm.ir.Attrs,
    flat: FlatDims,
) -> Convolved:
    """Lower a transposed convolution of `x` [N, H, W, I] with `weight` [I, O / groups, KH, KW]."""
    groups = int(attrs.groups)
    pack: Callable[..., te.Tensor]
    convolve: Callable[..., te.Tensor]
    if groups == 1:
        pack, convolve = conv2d_transpose.pack_conv2d_transpose, conv2d_transpose.conv2d_transpose
        last = int(shape_of(weight)[1])
    else:
        pack = conv2d_transpose.pack_group_conv2d_transpose
        convolve = conv2d_transpose.group_conv2d_transpose
        last = groups
    dilation = [int(step) for step in attrs.dilation]
    rows, columns = (_phases(attrs, axis, int(shape_of(weight)[2 + axis])) for axis in (0, 1))
    (top, bottom), (left, right) = rows.border, columns.border
    call = builder.call_te(
        partial(convolve, rows=rows, columns=columns),
        _padded(builder, x, [top, left, bottom, right]),
        builder.emit(
            call_generic(builder, pack, [weight], [("i", "o", "h", "w")], dilation=dilation)
        ),
        last,
        primfunc_name_hint=convolve.__name__,
    )
    batch, height, row_phases, width, column_phases, channels = call.ty_args[0].shape
    return Convolved(call, [batch, height * row_phases, width * column_phases, channels])


def _phases(attrs: tvm.ir.Attrs, axis: int, kernel: int) -> conv2d_transpose.Phases:
    """Return how the output falls into phases along the rows (0) or the columns (1)."""
    return conv2d_transpose.Phases(
        kernel=(kernel - 1) * int(attrs.dilation[axis]) + 1,
        stride=int(attrs.strides[axis]),
        start=int(attrs.padding[axis]),
        end=int(attrs.padding[2 + axis]) - int(attrs.output_padding[axis]),
    )


def _pointwise(
    builder: relax.BlockBuilder, x: relax.Expr, weight: relax.Expr, flat: FlatDims
) -> Convolved:
    """A 1×1 convolution is a matrix product over the pixels."""
    out_channels, in_channels = shape_of(weight)[:2]
    batch, height, width, _ = shape_of(x)
    pixels = reshape(builder, x, [flat.flatten([batch, height, width]), in_channels])
    matrix = emit(builder, reshape(builder, weight, [out_channels, in_channels]))
    packed = call_generic(builder, matmul.pack_matmul_transposed, [matrix], [("n", "k")])
    call = builder.call_te(
        matmul.matmul,
        emit(builder, pixels),
        builder.emit(packed),
        int(out_channels),
        primfunc_name_hint="matmul",
    )
    return Convolved(call, [batch, height, width, out_channels])


def _window(
    builder: relax.BlockBuilder, x: relax.Expr, attrs: tvm.ir.Attrs, *, implicit: bool
) -> tuple[relax.Expr, conv2d.Window]:
    """Return `x` and where the taps lie on it, with its border copied around it if it has to be.

    A kernel can pass over the taps beside the picture if it knows which of its tiles they concern.
    """
    padding = tuple(int(size) for size in attrs.padding)
    known = all(isinstance(size, tvm.tirx.IntImm) for size in shape_of(x)[1:3])
    if not (implicit and known and max(padding) <= conv2d.MAX_IMPLICIT):
        x, padding = _padded(builder, x, padding), (0, 0, 0, 0)
    strides = tuple(int(stride) for stride in attrs.strides)
    dilation = tuple(int(step) for step in attrs.dilation)
    return x, conv2d.Window(strides, dilation, padding)


def _padded(builder: relax.BlockBuilder, x: relax.Expr, padding: Sequence[int]) -> relax.Expr:
    top, left, bottom, right = padding
    if not any(padding):
        return x
    return builder.emit(relax.op.nn.pad(x, [0, 0, top, bottom, left, right, 0, 0]))


LOWER: Mapping[str, Lower] = {
    "relax.nn.conv2d": lower_conv2d,
    "relax.nn.conv2d_transpose": lower_conv2d_transpose,
}
