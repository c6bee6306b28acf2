"""Transposed 2-D convolution of NHWC activations whose border is already in place.

An output position p = q·stride + r gets something from the taps (r + start) mod stride + j·stride
alone. Each phase r is therefore a convolution of its own, of stride 1 and by every stride-th tap,
and no tap is computed that misses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.ops.layout import PANEL, extent, pack


@dataclass(frozen=True)
class Phases:
    """One spatial axis of a transposed convolution.

    `start` and `end` are what is cut off the output, less what `output_padding` adds at its end.
    """

    kernel: int
    stride: int
    start: int
    end: int

    @property
    def taps(self) -> int:
        """How many taps a phase has at most."""
        return -(-self.kernel // self.stride)

    @property
    def more(self) -> int:
        """By how much the output is longer than `stride` times the input."""
        return self.kernel - self.stride - self.start - self.end

    @property
    def border(self) -> tuple[int, int]:
        """How many zeros the input needs before and behind it."""
        shifts = self._shifts()
        return max(0, -min(shifts)), max(0, max(shifts) + -(-self.more // self.stride))

    def positions(self, size: Any) -> Any:
        """Return how many positions a phase has, for an input of `size` without its border."""
        return size + -(-self.more // self.stride)

    def pixel(self, position: Any, phase: Any, j: Any) -> Any:
        """Return where the `j`-th tap of a phase reads the input, which has its border."""
        return position + tirx.floordiv(phase + self.start, self.stride) - j + self.border[0]

    def tap(self, phase: Any, j: Any) -> Any:
        """Return the `j`-th tap of a phase."""
        return tirx.floormod(phase + self.start, self.stride) + j * self.stride

    def _shifts(self) -> list[int]:
        """Return how far each tap reads from the position that it adds to."""
        phases = [(tap - self.start) % self.stride for tap in range(self.kernel)]
        return [
            (phase + self.start) // self.stride - tap // self.stride
            for tap, phase in enumerate(phases)
        ]


def pack_conv2d_transpose(weight: te.Tensor, dilation: Sequence[int] = (1, 1)) -> te.Tensor:
    """Pack [I, O, KH, KW] as [ceil(O / PANEL), KH', KW', I, PANEL] for `conv2d_transpose`.

    A kernel is spread out by its `dilation`, with zeros between its taps.
    """
    weight = _dilated(weight, dilation)
    in_channels, out_channels, height, width = weight.shape
    return pack(
        weight,
        out_channels,
        [height, width, in_channels],
        lambda o, kh, kw, i: (i, o, kh, kw),
        name="pack_conv2d_transpose",
    )


def conv2d_transpose(
    x: te.Tensor, weight: te.Tensor, out_channels: int, rows: Phases, columns: Phases
) -> te.Tensor:
    """Spread `x` [N, H, W, I], with its border, through a weight of `pack_conv2d_transpose`.

    Return [N, OH, SH, OW, SW, O]: positions and phases, which side by side are the output's rows
    and columns, and up to SH - 1 and SW - 1 more behind the last.
    """
    in_channels = x.shape[3]

    def product(kh: Any, kw: Any, o: Any, pixel: Any, i: Any) -> Any:
        return pixel(i) * weight[tirx.floordiv(o, PANEL), kh, kw, i, tirx.floormod(o, PANEL)]

    return _convolve(x, rows, columns, in_channels, extent(out_channels), product)


def pack_group_conv2d_transpose(weight: te.Tensor, dilation: Sequence[int] = (1, 1)) -> te.Tensor:
    """Arrange [I, O / groups, KH, KW] as [KH', KW', I, O / groups]; see `pack_conv2d_transpose`."""
    weight = _dilated(weight, dilation)
    in_channels, group_outputs, height, width = weight.shape
    return te.compute(
        (height, width, in_channels, group_outputs),
        lambda kh, kw, i, o: weight[i, o, kh, kw],
        name="pack_group_conv2d_transpose",
    )


def group_conv2d_transpose(
    x: te.Tensor, weight: te.Tensor, groups: int, rows: Phases, columns: Phases
) -> te.Tensor:
    """Spread each of the `groups` of channels of `x` [N, H, W, I] by itself.

    `weight` comes from `pack_group_conv2d_transpose`; for the rest see `conv2d_transpose`.
    """
    group_outputs = weight.shape[3]
    group_inputs = tirx.floordiv(x.shape[3], groups)

    def product(kh: Any, kw: Any, o: Any, pixel: Any, i: Any) -> Any:
        channel = tirx.floordiv(o, group_outputs) * group_inputs + i
        return pixel(channel) * weight[kh, kw, channel, tirx.floormod(o, group_outputs)]

    return _convolve(x, rows, columns, group_inputs, group_outputs * groups, product)


def _convolve(
    x: te.Tensor, rows: Phases, columns: Phases, in_channels: Any, out_channels: Any, product: Any
) -> te.Tensor:
    """Sum `product(kh, kw, o, pixel, i)`, where `pixel(channel)` reads `x`, for each output."""
    batch, height, width, _ = x.shape
    i = te.reduce_axis((0, in_channels), "i")
    jh = te.reduce_axis((0, rows.taps), "jh")
    jw = te.reduce_axis((0, columns.taps), "jw")

    def element(n: Any, h: Any, row: Any, w: Any, column: Any, o: Any) -> Any:
        kh, kw = rows.tap(row, jh), columns.tap(column, jw)
        at = rows.pixel(h, row, jh), columns.pixel(w, column, jw)
        term = product(kh, kw, o, lambda channel: x[n, *at, channel], i)
        limits = [
            tap < axis.kernel
            for tap, axis in ((kh, rows), (kw, columns))
            if axis.kernel % axis.stride
        ]
        if limits:
            term = tirx.if_then_else(tirx.all(*limits), term, tirx.const(0, x.dtype))
        return te.sum(term, axis=[jh, jw, i])

    shape = (
        batch,
        rows.positions(height - sum(rows.border)),
        extent(rows.stride),
        columns.positions(width - sum(columns.border)),
        extent(columns.stride),
        out_channels,
    )
    return te.compute(shape, element, name="conv2d_transpose")


def _dilated(weight: te.Tensor, dilation: Sequence[int]) -> te.Tensor:
    """Put zeros between the taps of a weight [I, O, KH, KW], so that they lie side by side."""
    down, right = dilation
    if down == right == 1:
        return weight
    in_channels, out_channels, height, width = weight.shape

    def element(i: Any, o: Any, kh: Any, kw: Any) -> Any:
        hit = tirx.all(tirx.floormod(kh, down) == 0, tirx.floormod(kw, right) == 0)
        tap = weight[i, o, tirx.floordiv(kh, down), tirx.floordiv(kw, right)]
        return tirx.if_then_else(hit, tap, tirx.const(0, weight.dtype))

    shape = (in_channels, out_channels, (height - 1) * down + 1, (width - 1) * right + 1)
    return te.compute(shape, element, name="dilated")
