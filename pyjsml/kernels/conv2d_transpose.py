"""Transposed 2-D convolution of NHWC activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    spread = _Spread(strides, padding, dilation)
    i, kh, kw = _taps(in_channels, kernel_height, kernel_width)
    out_height, out_width = spread.size(height, width, kernel_height, kernel_width, output_padding)

    def element(n: Any, h: Any, w: Any, o: Any) -> Any:
        taken = spread.pixel(x, n, h, w, kh, kw, i)
        return te.sum(
            taken * weight[tirx.floordiv(o, PANEL), kh, kw, i, tirx.floormod(o, PANEL)],
            axis=[kh, kw, i],
        )

    shape = (batch, out_height, out_width, extent(out_channels))
    return te.compute(shape, element, name="conv2d_transpose")


def pack_group_conv2d_transpose(weight: te.Tensor) -> te.Tensor:
    """Arrange [I, O / groups, KH, KW] as [KH, KW, I, O / groups]."""
    in_channels, group_outputs, height, width = weight.shape
    return te.compute(
        (height, width, in_channels, group_outputs),
        lambda kh, kw, i, o: weight[i, o, kh, kw],
        name="pack_group_conv2d_transpose",
    )


def group_conv2d_transpose(
    x: te.Tensor,
    weight: te.Tensor,
    strides: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> te.Tensor:
    """Spread each of the `groups` of channels of `x` [N, H, W, I] by itself; return [N, OH, OW, O].

    `weight` comes from `pack_group_conv2d_transpose`; for the rest see `conv2d_transpose`.
    """
    batch, height, width, in_channels = x.shape
    kernel_height, kernel_width, _, group_outputs = weight.shape
    group_inputs = tirx.floordiv(in_channels, groups)
    spread = _Spread(strides, padding, dilation)
    i, kh, kw = _taps(group_inputs, kernel_height, kernel_width)
    out_height, out_width = spread.size(height, width, kernel_height, kernel_width, output_padding)

    def element(n: Any, h: Any, w: Any, o: Any) -> Any:
        channel = tirx.floordiv(o, group_outputs) * group_inputs + i
        taken = spread.pixel(x, n, h, w, kh, kw, channel)
        return te.sum(
            taken * weight[kh, kw, channel, tirx.floormod(o, group_outputs)], axis=[kh, kw, i]
        )

    shape = (batch, out_height, out_width, group_outputs * groups)
    return te.compute(shape, element, name="group_conv2d_transpose")


@dataclass(frozen=True)
class _Spread:
    """Where the taps of a kernel carry each input pixel."""

    strides: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]

    def size(
        self, height: Any, width: Any, kernel_height: Any, kernel_width: Any, more: Sequence[int]
    ) -> tuple[Any, Any]:
        """Return the height and width of the output, which is `more` larger at the bottom right."""
        top, left, bottom, right = self.padding
        return (
            (height - 1) * self.strides[0]
            + (kernel_height - 1) * self.dilation[0]
            + (1 + more[0] - top - bottom),
            (width - 1) * self.strides[1]
            + (kernel_width - 1) * self.dilation[1]
            + (1 + more[1] - left - right),
        )

    def pixel(self, x: te.Tensor, n: Any, h: Any, w: Any, kh: Any, kw: Any, channel: Any) -> Any:
        """Return the input pixel that tap (kh, kw) carries to (h, w), zero if there is none."""
        _, height, width, _ = x.shape
        spread_h = h + self.padding[0] - kh * self.dilation[0]
        spread_w = w + self.padding[1] - kw * self.dilation[1]
        from_h = tirx.floordiv(spread_h, self.strides[0])
        from_w = tirx.floordiv(spread_w, self.strides[1])
        hit = tirx.all(
            tirx.floormod(spread_h, self.strides[0]) == 0,
            tirx.floormod(spread_w, self.strides[1]) == 0,
            from_h >= 0,
            from_h < height,
            from_w >= 0,
            from_w < width,
        )
        return tirx.if_then_else(hit, x[n, from_h, from_w, channel], tirx.const(0, x.dtype))


def _taps(channels: Any, height: Any, width: Any) -> tuple[Any, Any, Any]:
    """Return the reduced axes: input channels, and rows and columns of the kernel."""
    return (
        te.reduce_axis((0, channels), "i"),
        te.reduce_axis((0, height), "kh"),
        te.reduce_axis((0, width), "kw"),
    )
