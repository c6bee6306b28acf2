"""Depthwise convolution of NHWC activations whose border is already in place."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import te

from pyjsml.kernels.conv2d import output_size


def pack_depthwise(weight: te.Tensor) -> te.Tensor:
    """Arrange [C, 1, KH, KW] as [KH, KW, C] for `depthwise_conv2d`."""
    channels, _, height, width = weight.shape
    return te.compute(
        (height, width, channels), lambda kh, kw, c: weight[c, 0, kh, kw], name="pack_depthwise"
    )


def depthwise_conv2d(
    x: te.Tensor, weight: te.Tensor, strides: Sequence[int], dilation: Sequence[int]
) -> te.Tensor:
    """Convolve each channel of `x` [N, H, W, C], padded, by itself; return [N, OH, OW, C].

    `weight` comes from `pack_depthwise`.
    """
    batch, height, width, channels = x.shape
    kernel_height, kernel_width, _ = weight.shape
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")
    shape = (
        batch,
        output_size(height, kernel_height, strides[0], dilation[0]),
        output_size(width, kernel_width, strides[1], dilation[1]),
        channels,
    )
    return te.compute(
        shape,
        lambda n, h, w, c: te.sum(
            x[n, h * strides[0] + kh * dilation[0], w * strides[1] + kw * dilation[1], c]
            * weight[kh, kw, c],
            axis=[kh, kw],
        ),
        name="depthwise_conv2d",
    )
