"""Elements of pictures [batch, channels, height, width] at places between them, which are data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.ops.windowed import Windows


@dataclass(frozen=True)
class Regions:
    """How to pool regions of pictures, in the words of ONNX's RoiAlign.

    `sizes` are the height and the width of the result. `sampling` is the number of samples that a
    bin has along each axis, or 0 for as many as it is long. `half_pixel` says that an index is that
    of a pixel's middle, and not of its corner.
    """

    sizes: tuple[int, int]
    scale: float
    sampling: int
    half_pixel: bool
    maximum: bool


def pooled_regions(
    x: te.Tensor, regions: te.Tensor, pictures: te.Tensor, *, how: Regions
) -> te.Tensor:
    """Return the mean, or the maximum, of samples in each bin of `regions` of `x`.

    A region [x1, y1, x2, y2] is one of the picture `pictures[n]`. Among what a maximum is taken of,
    each of a sample's neighbours counts by itself, times its weight: so ONNX defines it.
    """
    dtype = x.dtype

    def edge(number: Any, index: int) -> Any:
        scaled = regions(number, index) * tirx.const(how.scale, dtype)
        return scaled - tirx.const(0.5, dtype) if how.half_pixel else scaled

    def bin_size(number: Any, axis: int) -> Any:
        length = edge(number, 3 - axis) - edge(number, 1 - axis)
        if not how.half_pixel:
            length = tirx.max(length, tirx.const(1, dtype))
        return length / tirx.const(how.sizes[axis], dtype)

    def samples(number: Any, axis: int) -> Any:
        if how.sampling > 0:
            return tirx.const(how.sampling, "int32")
        return tirx.ceil(bin_size(number, axis)).astype("int32")

    def element(number: Any, channel: Any, *at: Any) -> Any:
        counts = [samples(number, axis) for axis in (0, 1)]
        # A bin without a length has no samples, and its result is 0.
        inside = tirx.all(*[count > 0 for count in counts])
        steps = [
            te.reduce_axis((0, tirx.max(count, 1)), f"sample{axis}")
            for axis, count in enumerate(counts)
        ]
        where = []
        for axis, (place, step, count) in enumerate(zip(at, steps, counts, strict=True)):
            size = bin_size(number, axis)
            part = (step.astype(dtype) + tirx.const(0.5, dtype)) / count.astype(dtype)
            where.append(edge(number, 1 - axis) + (place.astype(dtype) + part) * size)
        picture = tirx.max(tirx.min(pictures(number), x.shape[0] - 1), 0)
        kept = [
            tirx.max(tirx.min(place, (size - 1).astype(dtype)), tirx.const(0, dtype))
            for place, size in zip(where, x.shape[2:], strict=True)
        ]
        values = [
            weight
            * x(
                picture,
                channel,
                *[tirx.min(i, size - 1) for i, size in zip(corner, x.shape[2:], strict=True)],
            )
            for corner, weight in _corners(kept)
        ]
        if how.maximum:
            value = tirx.max(tirx.max(values[0], values[1]), tirx.max(values[2], values[3]))
        else:
            value = (values[0] + values[1] + values[2] + values[3]) / (
                counts[0] * counts[1]
            ).astype(dtype)
        reach = [
            tirx.all(place >= -1, place <= size.astype(dtype))
            for place, size in zip(where, x.shape[2:], strict=True)
        ]
        value = tirx.if_then_else(tirx.all(inside, *reach), value, tirx.const(0, dtype))
        return (te.max if how.maximum else te.sum)(value, axis=steps)

    shape = [regions.shape[0], x.shape[1], *how.sizes]
    return te.compute(shape, element, name="pooled_regions")


def deformed_columns(
    x: te.Tensor,
    offsets: te.Tensor,
    mask: te.Tensor | None = None,
    *,
    windows: Windows,
    groups: int,
) -> te.Tensor:
    """Return what windows on `x` hold, each of whose elements is moved by an offset of its own.

    That is [batch, channels, *kernel, height, width]. `offsets` is [batch, groups · elements of a
    window · 2, height, width]: down, then to the right. The channels are in `groups` that share
    offsets, and `mask`, half as large, has a factor for each. Outside of `x` is 0.
    """
    dtype = x.dtype
    shared = tirx.floordiv(x.shape[1], groups)
    rows, columns = windows.kernel

    def element(batch: Any, channel: Any, row: Any, column: Any, *at: Any) -> Any:
        tap = (tirx.floordiv(channel, shared) * rows + row) * columns + column
        where = []
        for axis, step in enumerate((row, column)):
            start = at[axis] * windows.strides[axis] - windows.begins[axis]
            fixed = start + step * windows.dilations[axis]
            where.append(fixed.astype(dtype) + offsets(batch, 2 * tap + axis, *at))
        value: Any = tirx.const(0, dtype)
        for corner, weight in _corners(where):
            inside = tirx.all(
                *[tirx.all(i >= 0, i < size) for i, size in zip(corner, x.shape[2:], strict=True)]
            )
            found = tirx.if_then_else(inside, x(batch, channel, *corner), tirx.const(0, dtype))
            value = value + weight * found
        return value if mask is None else value * mask(batch, tap, *at)

    shape = [*x.shape[:2], rows, columns, *offsets.shape[2:]]
    return te.compute(shape, element, name="deformed_columns")


def _corners(where: Sequence[Any]) -> list[tuple[list[Any], Any]]:
    """Return the four elements around a place, each with its weight."""
    dtype = str(where[0].ty.dtype)
    low = [tirx.floor(place) for place in where]
    beyond = [place - start for place, start in zip(where, low, strict=True)]
    one = tirx.const(1, dtype)
    return [
        (
            [start.astype("int64") + step for start, step in zip(low, steps, strict=True)],
            _weight(beyond[0], steps[0], one) * _weight(beyond[1], steps[1], one),
        )
        for steps in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]


def _weight(beyond: Any, step: int, one: Any) -> Any:
    return beyond if step else one - beyond
