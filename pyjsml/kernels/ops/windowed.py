"""Windows over tensors [batch, channels, …]: where their maxima are, and where they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.ops.extremes import INDEX, first_extreme, least_extreme


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel` elements, `dilations` apart, `strides` from one to the next.

    The first begins `begins` elements before the tensor. All have one entry per spatial axis.
    """

    kernel: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    begins: Sequence[int]

    def taps(self) -> list[Any]:
        """Return a reduced axis for each axis of a window."""
        return [te.reduce_axis((0, size), f"tap{n}") for n, size in enumerate(self.kernel)]


def where_largest(
    x: te.Tensor, *, sizes: Sequence[Any], windows: Windows, column_major: bool
) -> te.Tensor:
    """Return where in all of `x` the largest element of each window lies, the first of equals.

    There are `sizes` windows. Elements count along the last axis first or, of the spatial axes, if
    `column_major`, along the first.
    """
    taps = windows.taps()
    spatial = list(x.shape[2:])
    largest = first_extreme(largest=True)

    def element(batch: Any, channel: Any, *at: Any) -> Any:
        position = [
            place * stride + tap * dilation - begin
            for place, stride, tap, dilation, begin in zip(
                at, windows.strides, taps, windows.dilations, windows.begins, strict=True
            )
        ]
        inside = _within(position, spatial)
        index = batch * x.shape[1] + channel
        lengths = list(zip(position, spatial, strict=True))
        for size in spatial:
            index = index * size
        index = index + _flat(lengths[::-1] if column_major else lengths)
        value = tirx.if_then_else(
            inside, x(batch, channel, *position), least_extreme(x.dtype, largest=True)
        )
        index = tirx.if_then_else(inside, index.astype(INDEX), tirx.max_value(INDEX))
        return largest((index, value), axis=taps)

    shape = [*x.shape[:2], *sizes]
    found = te.compute(shape, element, name="largest")
    return te.compute(shape, lambda *at: found[0](*at), name="where_largest")


def overlapped(
    columns: te.Tensor, *, sizes: Sequence[int], blocks: Sequence[int], windows: Windows
) -> te.Tensor:
    """Return the sums of windows where they overlap: [batch, channels, *sizes].

    `columns` is [batch, channels · elements of a window, windows], and there are `blocks` windows
    along each axis.
    """
    taps = windows.taps()
    elements = 1
    for size in windows.kernel:
        elements *= size

    def total(batch: Any, channel: Any, *at: Any) -> Any:
        inside, numbers = [], []
        for place, stride, tap, dilation, begin, count in zip(
            at,
            windows.strides,
            taps,
            windows.dilations,
            windows.begins,
            blocks,
            strict=True,
        ):
            start = place + begin - tap * dilation
            number = tirx.floordiv(start, stride)
            numbers.append((number, count))
            inside += [start >= 0, tirx.floormod(start, stride) == 0, number < count]
        row = channel * elements + _flat(list(zip(taps, windows.kernel, strict=True)))
        value = columns(batch, row, _flat(numbers))
        zero = tirx.const(0, columns.dtype)
        return te.sum(tirx.if_then_else(tirx.all(*inside), value, zero), axis=taps)

    channels = tirx.floordiv(columns.shape[1], elements)
    return te.compute([columns.shape[0], channels, *sizes], total, name="overlapped")


def _within(position: Sequence[Any], sizes: Sequence[Any]) -> Any:
    return tirx.all(
        *[tirx.all(at >= 0, at < size) for at, size in zip(position, sizes, strict=True)]
    )


def _flat(places: Sequence[tuple[Any, Any]]) -> Any:
    """Return the place, of one axis of all, of what lies at places along axes of lengths."""
    index: Any = 0
    for place, size in places:
        index = index * size + place
    return index
