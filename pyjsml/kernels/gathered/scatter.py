"""Scatters by the elements that they change: each looks through the updates for those that hit it.

The updates along the axes that are not indexed are where the element is, so an element compares its
place with as many indices as there are along the indexed ones. The last of several updates stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tvm_ffi
from tvm import te, tirx

from pyjsml.kernels.ops.scatter import FOLDS

NONE = -1
"""The number of no update."""


def scatter_elements(
    data: te.Tensor, indices: te.Tensor, updates: te.Tensor, axis: int, reduction: str
) -> te.Tensor:
    """Return `data` with `updates` at `indices` along `axis`; all three have as many axes.

    Indices are not negative. `reduction` is update, add, mul, min or max.
    """
    which = te.reduce_axis((0, updates.shape[axis]), "which")
    shorter = [
        number
        for number, (whole, part) in enumerate(zip(data.shape, updates.shape, strict=True))
        if number != axis and not tvm_ffi.structural_equal(whole, part)
    ]

    def inside(at: Sequence[Any], number: Any) -> list[Any]:
        place = [
            tirx.min(index, updates.shape[n] - 1) if n in shorter else index
            for n, index in enumerate(at)
        ]
        return [*place[:axis], number, *place[axis + 1 :]]

    def hit(at: Sequence[Any]) -> Any:
        index = indices(*inside(at, which)).astype("int64")
        return tirx.all(index == at[axis], *[at[n] < updates.shape[n] for n in shorter])

    def update(at: Sequence[Any], numbers: Sequence[Any]) -> Any:
        return updates(*inside(at, *numbers))

    return _scattered(data, [which], hit, update, reduction)


def scatter_nd(
    data: te.Tensor, indices: te.Tensor, updates: te.Tensor, reduction: str
) -> te.Tensor:
    """Return `data` with `updates` at the coordinates in the last axis of `indices`.

    Coordinates are not negative; `reduction` is as for `scatter_elements`.
    """
    *places, depth = indices.shape
    which = [te.reduce_axis((0, size), f"which{n}") for n, size in enumerate(places)]

    def hit(at: Sequence[Any]) -> Any:
        same = [
            indices(*which, position).astype("int64") == at[position]
            for position in range(int(depth))
        ]
        return tirx.all(*same)

    def update(at: Sequence[Any], numbers: Sequence[Any]) -> Any:
        return updates(*numbers, *at[int(depth) :])

    return _scattered(data, which, hit, update, reduction)


def _scattered(
    data: te.Tensor,
    which: Sequence[Any],
    hit: Callable[[Sequence[Any]], Any],
    update: Callable[[Sequence[Any], Sequence[Any]], Any],
    reduction: str,
) -> te.Tensor:
    """Put together a scatter of the updates that `which` runs over.

    `hit(at)` says whether the present one is for the element at `at`, and `update(at, numbers)` is
    the one of these numbers.
    """

    if reduction != "update":
        fold, start = _reducer(reduction, data)

        def folded(*at: Any) -> Any:
            mine = update(at, [axis.var for axis in which])
            return fold(tirx.Select(hit(at), mine, start(*at)), axis=list(which))

        change = te.compute(data.shape, folded, name="folded")
        whole = FOLDS[reduction]
        return te.compute(data.shape, lambda *at: whole(data(*at), change(*at)), name="scattered")
    latest = _latest(data, which, hit)

    def element(*at: Any) -> Any:
        last = latest(*at)
        numbers = _apart(tirx.max(last, 0), [axis.dom.extent for axis in which])
        return tirx.Select(last > NONE, update(at, numbers), data(*at))

    return te.compute(data.shape, element, name="scattered")


def _reducer(reduction: str, data: te.Tensor) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return what folds updates, and what stands for one that does not hit an element."""

    def number(value: int) -> Callable[..., Any]:
        return lambda *at: tirx.const(value, data.dtype)

    return {
        "add": (te.sum, number(0)),
        "mul": (_product, number(1)),
        "min": (te.min, data),
        "max": (te.max, data),
    }[reduction]


def _latest(
    data: te.Tensor, which: Sequence[Any], hit: Callable[[Sequence[Any]], Any]
) -> te.Tensor:
    """Return the number of the last update that hits each element."""
    flat: Any = tirx.const(0, "int64")
    for axis in which:
        flat = flat * axis.dom.extent + axis.var

    def element(*at: Any) -> Any:
        none = tirx.const(NONE, "int32")
        return te.max(tirx.Select(hit(at), flat.astype("int32"), none), axis=list(which))

    return te.compute(data.shape, element, name="latest")


def _apart(flat: Any, sizes: Sequence[Any]) -> list[Any]:
    """Return the index of each axis of these sizes that makes up a flat one."""
    flat = flat.astype("int64")
    indices: list[Any] = []
    for size in reversed(sizes[1:]):
        indices.insert(0, tirx.floormod(flat, size))
        flat = tirx.floordiv(flat, size)
    return [flat, *indices]


_product = te.comm_reducer(lambda a, b: a * b, lambda dtype: tirx.const(1, dtype), name="product")
