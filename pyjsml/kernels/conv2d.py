"""2-D convolution of NHWC activations whose border is already in place."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import ir, te, tirx

from pyjsml.kernels.layout import PANEL, extent, pack


def pack_conv2d(weight: te.Tensor) -> te.Tensor:
    """Pack [O, I, KH, KW] as [ceil(O / PANEL), KH, KW, I, PANEL] for `conv2d`."""
    out_channels, in_channels, height, width = weight.shape
    return pack(
        weight,
        out_channels,
        [height, width, in_channels],
        lambda o, kh, kw, i: (o, i, kh, kw),
        name="pack_conv2d",
    )


def conv2d(
    x: te.Tensor,
    weight: te.Tensor,
    strides: Sequence[int],
    dilation: Sequence[int],
    out_channels: int,
) -> te.Tensor:
    """Convolve `x` [N, H, W, I], padded, with a weight of `pack_conv2d`; return [N, OH, OW, O]."""
    batch, height, width, in_channels = x.shape
    _, kernel_height, kernel_width, _, _ = weight.shape
    i = te.reduce_axis((0, in_channels), "i")
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")
    shape = (
        batch,
        output_size(height, kernel_height, strides[0], dilation[0]),
        output_size(width, kernel_width, strides[1], dilation[1]),
        extent(out_channels),
    )
    return te.compute(
        shape,
        lambda n, h, w, o: te.sum(
            x[n, h * strides[0] + kh * dilation[0], w * strides[1] + kw * dilation[1], i]
            * weight[tirx.floordiv(o, PANEL), kh, kw, i, tirx.floormod(o, PANEL)],
            axis=[kh, kw, i],
        ),
        name="conv2d",
    )


def pack_group_conv2d(weight: te.Tensor) -> te.Tensor:
    """Arrange [O, I / groups, KH, KW] as [KH, KW, I / groups, O] for `group_conv2d`."""
    out_channels, in_channels, height, width = weight.shape
    return te.compute(
        (height, width, in_channels, out_channels),
        lambda kh, kw, i, o: weight[o, i, kh, kw],
        name="pack_group_conv2d",
    )


def group_conv2d(
    x: te.Tensor,
    weight: te.Tensor,
    strides: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> te.Tensor:
    """Convolve `x` [N, H, W, I], padded, in `groups`; return [N, OH, OW, O].

    `weight` comes from `pack_group_conv2d`. Depthwise convolution with a channel multiplier is the
    case `groups` = I.
    """
    batch, height, width, _ = x.shape
    kernel_height, kernel_width, group_inputs, out_channels = weight.shape
    group_outputs = tirx.floordiv(out_channels, groups)
    i = te.reduce_axis((0, group_inputs), "i")
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")
    shape = (
        batch,
        output_size(height, kernel_height, strides[0], dilation[0]),
        output_size(width, kernel_width, strides[1], dilation[1]),
        out_channels,
    )
    return te.compute(
        shape,
        lambda n, h, w, o: te.sum(
            x[
                n,
                h * strides[0] + kh * dilation[0],
                w * strides[1] + kw * dilation[1],
                tirx.floordiv(o, group_outputs) * group_inputs + i,
            ]
            * weight[kh, kw, i, o],
            axis=[kh, kw, i],
        ),
        name="group_conv2d",
    )


def output_size(size: ir.Expr, kernel: ir.Expr, stride: int, dilation: int) -> ir.Expr:
    """Return the output's extent along an axis of padded extent `size`."""
    return tirx.floordiv(size - (kernel - 1) * dilation - 1, stride) + 1
