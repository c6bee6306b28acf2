"""Gathers: elements at indices that are data.

Indices count from the end where they are negative. No kernel can raise, so one that is out of range
is taken for the nearest that is not: what a model computes is then wrong, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import te, tirx


def take(data: te.Tensor, indices: te.Tensor, axis: int) -> te.Tensor:
    """Return `data` with the axis `axis` replaced by the axes of `indices`: numpy's take."""
    behind = axis + len(indices.shape)
    shape = [*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]]

    def element(*at: Any) -> Any:
        index = _within(indices(*at[axis:behind]), data.shape[axis])
        return data(*at[:axis], index, *at[behind:])

    return te.compute(shape, element, name="take")


def gather_elements(data: te.Tensor, indices: te.Tensor, axis: int) -> te.Tensor:
    """Return for each element of `indices` that of `data` at the same place but for `axis`."""

    def element(*at: Any) -> Any:
        return data(*at[:axis], _within(indices(*at), data.shape[axis]), *at[axis + 1 :])

    return te.compute(indices.shape, element, name="gather_elements")


def gather_nd(data: te.Tensor, indices: te.Tensor, batch_dims: int) -> te.Tensor:
    """Return the slices of `data` at the coordinates in the last axis of `indices`.

    The first `batch_dims` axes of both run in step.
    """
    places = indices.shape[:-1]
    depth = int(indices.shape[-1])
    shape = [*places, *data.shape[batch_dims + depth :]]

    def element(*at: Any) -> Any:
        place, rest = at[: len(places)], at[len(places) :]
        coordinates = [
            _within(indices(*place, position), data.shape[batch_dims + position])
            for position in range(depth)
        ]
        return data(*place[:batch_dims], *coordinates, *rest)

    return te.compute(shape, element, name="gather_nd")


def indices_within(indices: te.Tensor, size: Any) -> te.Tensor:
    """Return `indices` along an axis of length `size`, each counted from its start."""
    return te.compute(indices.shape, lambda *at: _within(indices(*at), size), name="indices_within")


def coordinates_within(indices: te.Tensor, sizes: Sequence[Any]) -> te.Tensor:
    """Return the coordinates in the last axis of `indices`, each counted from its axis' start.

    `sizes` are the lengths of the axes that they index.
    """

    def element(*at: Any) -> Any:
        size = sizes[-1]
        for position, other in reversed(list(enumerate(sizes[:-1]))):
            size = tirx.Select(at[-1] == position, other, size)
        return _within(indices(*at), size)

    return te.compute(indices.shape, element, name="coordinates_within")


def _within(index: Any, size: Any) -> Any:
    index = index.astype("int64")
    counted = tirx.Select(index < 0, index + size, index)
    return tirx.max(tirx.min(counted, size - 1), tirx.const(0, "int64"))
