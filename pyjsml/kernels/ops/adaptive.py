"""Means and maxima over windows that part an axis as evenly as they can, whatever its length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.ops.extremes import least_extreme
from pyjsml.kernels.tir.expression import constant


def adaptive_mean(x: te.Tensor, sizes: Sequence[Any], axes: Sequence[int]) -> te.Tensor:
    """Return the means of `sizes[n]` windows along each axis `axes[n]` of `x`.

    As in torch, window i of m along an axis of length n begins at ⌊i · n / m⌋ and ends before
    ⌈(i + 1) · n / m⌉. All windows are summed as if they had the length of the longest.
    """
    windows = _windows(x, sizes, axes)
    sums = _reduced(x, windows, te.sum, tirx.const(0, x.dtype), "adaptive_sum")

    def mean(*at: Any) -> Any:
        count: Any = 1
        for axis, window in windows.items():
            count = count * window.length(at[axis])
        return sums(*at) / tirx.Cast(x.dtype, count)

    return te.compute(sums.shape, mean, name="adaptive_mean")


def adaptive_max(x: te.Tensor, *, sizes: Sequence[Any], axes: Sequence[int]) -> te.Tensor:
    """Return the largest element of each window, which lie as those of `adaptive_mean`."""
    lowest = least_extreme(x.dtype, largest=True)
    return _reduced(x, _windows(x, sizes, axes), te.max, lowest, "adaptive_max")


def _windows(x: te.Tensor, sizes: Sequence[Any], axes: Sequence[int]) -> dict[int, _Window]:
    """Return the windows along each axis."""
    return {axis: _Window(x.shape[axis], size) for axis, size in zip(axes, sizes, strict=True)}


def _reduced(
    x: te.Tensor,
    windows: dict[int, _Window],
    reduce: Callable[..., Any],
    neutral: Any,
    name: str,
) -> te.Tensor:
    """Return the windows of `x`, reduced; what the longest has beyond another is `neutral`."""
    steps = {
        axis: te.reduce_axis((0, window.longest), f"step{number}")
        for number, (axis, window) in enumerate(windows.items())
    }

    def element(*at: Any) -> Any:
        place, inside = list(at), []
        for axis, window in windows.items():
            place[axis] = window.start(at[axis]) + steps[axis]
            if not window.even:
                inside.append(place[axis] < window.end(at[axis]))
        value = x(*place)
        if inside:
            value = tirx.if_then_else(tirx.all(*inside), value, neutral)
        return reduce(value, axis=list(steps.values()))

    shape = [windows[axis].count if axis in windows else size for axis, size in enumerate(x.shape)]
    return te.compute(shape, element, name=name)


class _Window:
    """The windows along one axis; they are `even` if all are as long."""

    def __init__(self, length: Any, count: Any) -> None:
        self._length, self.count = length, count
        whole, parts = constant(length), constant(count)
        divides = whole is not None and parts is not None and whole % parts == 0
        self.even = parts == 1 or divides
        self.longest = tirx.floordiv(length + (count - 1), count) + (0 if self.even else 1)

    def start(self, number: Any) -> Any:
        """Return where a window begins."""
        if self.even:
            return number * self.longest
        return tirx.floordiv(number * self._length, self.count)

    def end(self, number: Any) -> Any:
        """Return where the next one would begin if they did not overlap."""
        return tirx.floordiv((number + 1) * self._length + (self.count - 1), self.count)

    def length(self, number: Any) -> Any:
        """Return how many elements a window has."""
        return self.longest if self.even else self.end(number) - self.start(number)
