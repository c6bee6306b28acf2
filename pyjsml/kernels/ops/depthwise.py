"""Depthwise convolution of NHWC activations."""

from __future__ import annotations

from typing import Any

from tvm import te

from pyjsml.kernels.ops.conv2d import Window


def pack_depthwise(weight: te.Tensor) -> te.Tensor:
    """Arrange [C, 1, KH, KW] as [KH, KW, C] for `depthwise_conv2d`."""
    channels, _, height, width = weight.shape
    return te.compute(
        (height, width, channels), lambda kh, kw, c: weight[c, 0, kh, kw], name="pack_depthwise"
    )


def depthwise_conv2d(x: te.Tensor, weight: te.Tensor, window: Window) -> te.Tensor:
    """Convolve each channel of `x` [N, H, W, C] by itself; return [N, OH, OW, C].

    `weight` comes from `pack_depthwise`.
    """
    kernel_height, kernel_width, channels = weight.shape
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")

    def element(n: Any, h: Any, w: Any, c: Any) -> Any:
        term = window.tap(x, n, (h, w), (kh, kw), c) * weight[kh, kw, c]
        return te.sum(window.inside(x, (h, w), (kh, kw), term), axis=[kh, kw])

    sizes = window.sizes(x, (kernel_height, kernel_width))
    return te.compute((x.shape[0], *sizes, channels), element, name="depthwise_conv2d")
