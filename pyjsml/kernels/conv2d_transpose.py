"""Transposed 2-D convolution of NHWC activations."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import te, tirx

from pyjsml.kernels.layout import PANEL, extent, pack


def pack_conv2d_transpose(weight: te.Tensor) -> te.Tensor:
    """Pack [I, O, KH, KW] as [ceil(O / PANEL), KH, KW, I, PANEL] for `conv2d_transpose`."""
    in_channels, out_channels, height, width = weight.shape
    return pack(
        weight,
        out_channels,
        [height, width, in_channels],
        lambda o, kh, kw, i: (i, o, kh, kw),
        name="pack_conv2d_transpose",
    )


def conv2d_transpose(
    x: te.Tensor,
    weight: te.Tensor,
    strides: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    out_channels: int,
) -> te.Tensor:
    """Spread `x` [N, H, W, I] through a weight from `pack_conv2d_transpose`; return [N, OH, OW, O].

    `padding` is (top, left, bottom, right) and shrinks the output; `output_padding` is (height,
    width) and grows it at the bottom right.
    """
    batch, height, width, in_channels = x.shape
    _, kernel_height, kernel_width, _, _ = weight.shape
    top, left, bottom, right = padding
    i = te.reduce_axis((0, in_channels), "i")
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")
    shape = (
        batch,
        (height - 1) * strides[0]
        + (kernel_height - 1) * dilation[0]
        + (1 + output_padding[0] - top - bottom),
        (width - 1) * strides[1]
        + (kernel_width - 1) * dilation[1]
        + (1 + output_padding[1] - left - right),
        extent(out_channels),
    )
    zero = tirx.const(0, x.dtype)

    def element(n, h, w, o):
        # The input pixel that tap (kh, kw) carries to (h, w), if there is one.
        spread_h = h + top - kh * dilation[0]
        spread_w = w + left - kw * dilation[1]
        from_h = tirx.floordiv(spread_h, strides[0])
        from_w = tirx.floordiv(spread_w, strides[1])
        hit = tirx.all(
            tirx.floormod(spread_h, strides[0]) == 0,
            tirx.floormod(spread_w, strides[1]) == 0,
            from_h >= 0,
            from_h < height,
            from_w >= 0,
            from_w < width,
        )
        taken = tirx.if_then_else(hit, x[n, from_h, from_w, i], zero)
        return te.sum(
            taken * weight[tirx.floordiv(o, PANEL), kh, kw, i, tirx.floormod(o, PANEL)],
            axis=[kh, kw, i],
        )

    return te.compute(shape, element, name="conv2d_transpose")
