"""Where along an axis the largest or the least element lies."""

from __future__ import annotations

from typing import Any

from tvm import te, tirx

INDEX = "int64"


def where_extreme(data: te.Tensor, axis: int | None, keepdims: bool, largest: bool) -> te.Tensor:
    """Return the index of the extreme element along `axis`, or of all as numpy flattens them.

    Of equal elements the first counts, and NaN is more extreme than any number: as in numpy.
    """
    rank = len(data.shape)
    reduced = [axis] if axis is not None else list(range(rank))
    along = [te.reduce_axis((0, data.shape[each]), f"k{each}") for each in reduced]
    kept = [each for each in range(rank) if each not in reduced]
    place: Any = tirx.const(0, INDEX)
    for each in along:
        place = place * each.dom.extent.astype(INDEX) + each.var.astype(INDEX)
    extreme = first_extreme(largest=largest)

    def element(*at: Any) -> Any:
        own = [at[each] for each in kept] if keepdims else list(at)
        position: list[Any] = [None] * rank
        for each, index in [*zip(kept, own, strict=True), *zip(reduced, along, strict=True)]:
            position[each] = index
        return extreme((place, data(*position)), axis=along)

    shape = [
        tirx.const(1, "int64") if each in reduced else data.shape[each]
        for each in range(rank)
        if keepdims or each in kept
    ]
    found = te.compute(shape, element, name="extreme")
    return te.compute(shape, lambda *at: found[0](*at), name="where_extreme")


def first_extreme(*, largest: bool) -> Any:
    """Return what reduces pairs of index and value to the most extreme, the first of equals."""
    return te.comm_reducer(
        lambda left, right: _more_extreme(left, right, largest),
        lambda index, value: (tirx.max_value(index), least_extreme(value, largest=largest)),
        name="where_extreme",
    )


def least_extreme(dtype: str, *, largest: bool) -> Any:
    """Return what every element is at least as extreme as; one that is equal has a lower index."""
    if not str(dtype).startswith("float"):
        return tirx.min_value(dtype) if largest else tirx.max_value(dtype)
    return tirx.const(float("-inf") if largest else float("inf"), dtype)


def _more_extreme(left: Any, right: Any, largest: bool) -> tuple[Any, Any]:
    (left_index, left_value), (right_index, right_value) = left, right
    ahead = left_value > right_value if largest else left_value < right_value
    alike = left_value == right_value
    if str(left_value.ty.dtype).startswith("float"):
        ahead = tirx.any(ahead, tirx.all(tirx.isnan(left_value), tirx.Not(tirx.isnan(right_value))))
        alike = tirx.any(alike, tirx.all(tirx.isnan(left_value), tirx.isnan(right_value)))
    keep = tirx.any(ahead, tirx.all(alike, left_index < right_index))
    return (
        tirx.Select(keep, left_index, right_index),
        tirx.Select(keep, left_value, right_value),
    )
