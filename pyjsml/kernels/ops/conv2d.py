"""2-D convolution of NHWC activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import ir, te, tirx

from pyjsml.kernels.ops.layout import PANEL, extent, pack

MAX_IMPLICIT = 8
"""The widest border that kernels pass over: each tile that overlaps it is code of its own."""


@dataclass(frozen=True)
class Window:
    """Where the taps of a kernel lie on a picture; `padding` is (top, left, bottom, right)."""

    strides: Sequence[int]
    dilation: Sequence[int] = (1, 1)
    padding: Sequence[int] = (0, 0, 0, 0)

    def sizes(self, x: te.Tensor, kernel: Sequence[Any]) -> list[Any]:
        """Return the rows and columns of what a `kernel` makes of `x` [N, H, W, C]."""
        return [
            output_size(
                x.shape[1 + axis] + (self.padding[axis] + self.padding[2 + axis]),
                kernel[axis],
                self.strides[axis],
                self.dilation[axis],
            )
            for axis in (0, 1)
        ]

    def tap(self, x: te.Tensor, n: Any, at: Sequence[Any], tap: Sequence[Any], c: Any) -> Any:
        """Return what lies under a tap of the output's pixel `at`."""
        return x[n, self._along(0, at[0], tap[0]), self._along(1, at[1], tap[1]), c]

    def inside(
        self, x: te.Tensor, at: Sequence[Any], tap: Sequence[Any], term: Any, outside: int = 0
    ) -> Any:
        """Return `term`, or the number `outside` where the tap lies outside of `x`."""
        limits = []
        for axis in (0, 1):
            place = self._along(axis, at[axis], tap[axis])
            if self.padding[axis]:
                limits.append(place >= 0)
            if self.padding[2 + axis]:
                limits.append(place < x.shape[1 + axis])
        if not limits:
            return term
        return tirx.if_then_else(tirx.all(*limits), term, tirx.const(outside, x.dtype))

    def _along(self, axis: int, at: Any, tap: Any) -> Any:
        return at * self.strides[axis] + tap * self.dilation[axis] - self.padding[axis]


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


def conv2d(x: te.Tensor, weight: te.Tensor, out_channels: int, window: Window) -> te.Tensor:
    """Convolve `x` [N, H, W, I] with a weight of `pack_conv2d`; return [N, OH, OW, O]."""
    _, kernel_height, kernel_width, _, _ = weight.shape
    i = te.reduce_axis((0, x.shape[3]), "i")
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")

    def element(n: Any, h: Any, w: Any, o: Any) -> Any:
        taken = window.tap(x, n, (h, w), (kh, kw), i)
        term = taken * weight[tirx.floordiv(o, PANEL), kh, kw, i, tirx.floormod(o, PANEL)]
        return te.sum(window.inside(x, (h, w), (kh, kw), term), axis=[kh, kw, i])

    sizes = window.sizes(x, (kernel_height, kernel_width))
    return te.compute((x.shape[0], *sizes, extent(out_channels)), element, name="conv2d")


def pack_narrow_conv2d(weight: te.Tensor) -> te.Tensor:
    """Arrange [O, I, KH, KW] as [O, KH, KW, I] for `narrow_conv2d`."""
    out_channels, in_channels, height, width = weight.shape
    return te.compute(
        (out_channels, height, width, in_channels),
        lambda o, kh, kw, i: weight[o, i, kh, kw],
        name="pack_narrow_conv2d",
    )


def narrow_conv2d(x: te.Tensor, weight: te.Tensor, window: Window) -> te.Tensor:
    """Convolve `x` [N, H, W, I] to few channels; return [N, OH, OW, O].

    `weight` comes from `pack_narrow_conv2d`. I is a multiple of 4, and O at most 4, or the loops
    will be slow.
    """
    out_channels, kernel_height, kernel_width, in_channels = weight.shape
    i = te.reduce_axis((0, in_channels), "i")
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")

    def element(n: Any, h: Any, w: Any, o: Any) -> Any:
        term = window.tap(x, n, (h, w), (kh, kw), i) * weight[o, kh, kw, i]
        return te.sum(window.inside(x, (h, w), (kh, kw), term), axis=[kh, kw, i])

    sizes = window.sizes(x, (kernel_height, kernel_width))
    return te.compute((x.shape[0], *sizes, out_channels), element, name="narrow_conv2d")


def pack_group_conv2d(weight: te.Tensor) -> te.Tensor:
    """Arrange [O, I / groups, KH, KW] as [KH, KW, I / groups, O] for `group_conv2d`."""
    out_channels, in_channels, height, width = weight.shape
    return te.compute(
        (height, width, in_channels, out_channels),
        lambda kh, kw, i, o: weight[o, i, kh, kw],
        name="pack_group_conv2d",
    )


def group_conv2d(x: te.Tensor, weight: te.Tensor, groups: int, window: Window) -> te.Tensor:
    """Convolve `x` [N, H, W, I] in `groups`; return [N, OH, OW, O].

    `weight` comes from `pack_group_conv2d`. Depthwise convolution with a channel multiplier is the
    case `groups` = I.
    """
    kernel_height, kernel_width, group_inputs, out_channels = weight.shape
    group_outputs = tirx.floordiv(out_channels, groups)
    i = te.reduce_axis((0, group_inputs), "i")
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")

    def element(n: Any, h: Any, w: Any, o: Any) -> Any:
        channel = tirx.floordiv(o, group_outputs) * group_inputs + i
        term = window.tap(x, n, (h, w), (kh, kw), channel) * weight[kh, kw, i, o]
        return te.sum(window.inside(x, (h, w), (kh, kw), term), axis=[kh, kw, i])

    sizes = window.sizes(x, (kernel_height, kernel_width))
    return te.compute((x.shape[0], *sizes, out_channels), element, name="group_conv2d")


def output_size(size: ir.Expr, kernel: ir.Expr, stride: int, dilation: int) -> ir.Expr:
    """Return the output's extent along an axis of padded extent `size`."""
    return tirx.floordiv(size - (kernel - 1) * dilation - 1, stride) + 1
