"""Means over windows that part an axis as evenly as they can, whatever its length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.expression import constant


def adaptive_mean(x: te.Tensor, sizes: Sequence[Any], axes: Sequence[int]) -> te.Tensor:
    """Return the means of `sizes[n]` windows along each axis `axes[n]` of `x`.

    As in torch, window i of m along an axis of length n begins at ⌊i · n / m⌋ and ends before
    ⌈(i + 1) · n / m⌉. All windows are summed as if they had the length of the longest.
    """
    shape = list(x.shape)
    windows = [_Window(shape[axis], size) for axis, size in zip(axes, sizes, strict=True)]
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] = size
    steps = [
        te.reduce_axis((0, window.longest), f"step{number}")
        for number, window in enumerate(windows)
    ]

    def total(*at: Any) -> Any:
        place, inside = list(at), []
        for axis, window, step in zip(axes, windows, steps, strict=True):
            place[axis] = window.start(at[axis]) + step
            if not window.even:
                inside.append(place[axis] < window.end(at[axis]))
        value = x(*place)
        if inside:
            value = tirx.if_then_else(tirx.all(*inside), value, tirx.const(0, x.dtype))
        return te.sum(value, axis=steps)

    sums = te.compute(shape, total, name="adaptive_sum")

    def mean(*at: Any) -> Any:
        count: Any = 1
        for axis, window in zip(axes, windows, strict=True):
            count = count * window.length(at[axis])
        return sums(*at) / tirx.Cast(x.dtype, count)

    return te.compute(shape, mean, name="adaptive_mean")


class _Window:
    """The windows along one axis; they are `even` if all are as long."""

    def __init__(self, length: Any, count: Any) -> None:
        self._length, self._count = length, count
        whole, parts = constant(length), constant(count)
        divides = whole is not None and parts is not None and whole % parts == 0
        self.even = parts == 1 or divides
        self.longest = tirx.floordiv(length + (count - 1), count) + (0 if self.even else 1)

    def start(self, number: Any) -> Any:
        """Return where a window begins."""
        if self.even:
            return number * self.longest
        return tirx.floordiv(number * self._length, self._count)

    def end(self, number: Any) -> Any:
        """Return where the next one would begin if they did not overlap."""
        return tirx.floordiv((number + 1) * self._length + (self._count - 1), self._count)

    def length(self, number: Any) -> Any:
        """Return how many elements a window has."""
        return self.longest if self.even else self.end(number) - self.start(number)
