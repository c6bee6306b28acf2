"""Sorting by counting: an element's place is the number of elements that come before it.

That takes n² comparisons for n elements, but vectorises, and needs neither memory nor branches. The
sort is stable, and NaN counts as the largest, as in torch and numpy.
"""

from __future__ import annotations

from typing import Any

from tvm import te, tirx


def ranks(data: te.Tensor, axis: int, descending: bool) -> te.Tensor:
    """Return the place of each element of `data` along `axis` in sorted order."""
    other = te.reduce_axis((0, data.shape[axis]), "other")

    def element(*at: Any) -> Any:
        mine = data(*at)
        its = data(*at[:axis], other, *at[axis + 1 :])
        before = _less(mine, its) if descending else _less(its, mine)
        alike = tirx.all(tirx.Not(_less(mine, its)), tirx.Not(_less(its, mine)))
        first = tirx.any(before, tirx.all(alike, other < at[axis]))
        one, zero = tirx.const(1, "int32"), tirx.const(0, "int32")
        return te.sum(tirx.Select(first, one, zero), axis=[other])

    return te.compute(data.shape, element, name="ranks")


def order(places: te.Tensor, axis: int, count: Any, dtype: str) -> te.Tensor:
    """Return which element along `axis` has each of the first `count` places."""
    which = te.reduce_axis((0, places.shape[axis]), "which")
    shape = [*places.shape[:axis], count, *places.shape[axis + 1 :]]

    def element(*at: Any) -> Any:
        here = places(*at[:axis], which, *at[axis + 1 :]) == at[axis].astype("int32")
        return te.sum(
            tirx.Select(here, which.var.astype(dtype), tirx.const(0, dtype)), axis=[which]
        )

    return te.compute(shape, element, name="order")


def _less(left: Any, right: Any) -> Any:
    if not str(left.ty.dtype).startswith("float"):
        return left < right
    number = tirx.Not(tirx.isnan(left))
    return tirx.any(left < right, tirx.all(number, tirx.isnan(right)))
