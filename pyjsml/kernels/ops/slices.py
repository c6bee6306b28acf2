"""Slices that are written."""

from __future__ import annotations

from typing import Any

from tvm import te, tirx


def slice_scatter(
    data: te.Tensor, updates: te.Tensor, axis: int, start: Any, step: int
) -> te.Tensor:
    """Return `data` with `updates` in the place of every `step`-th element of `axis` from `start`.

    `updates` is as long as `data` along the other axes.
    """

    def element(*at: Any) -> Any:
        number, conditions = at[axis] - start, [at[axis] >= start]
        if step != 1:
            conditions.append(tirx.floormod(number, step) == 0)
            number = tirx.floordiv(number, step)
        conditions.append(number < updates.shape[axis])
        update = updates(*at[:axis], number, *at[axis + 1 :])
        return tirx.if_then_else(tirx.all(*conditions), update, data(*at))

    return te.compute(data.shape, element, name="slice_scatter")
