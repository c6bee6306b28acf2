"""Sequences of lengths, and caches with places, that are data."""

from __future__ import annotations

from typing import Any

from tvm import te, tirx


def reversed_sequences(x: te.Tensor, lengths: te.Tensor, axis: int, batch_axis: int) -> te.Tensor:
    """Return `x` with the first `lengths[b]` elements of `axis` in reverse.

    b is the place on the batch axis. A length beyond the axis is taken for all of it.
    """

    def element(*at: Any) -> Any:
        place = at[axis].astype("int64")
        length = tirx.min(lengths(at[batch_axis]).astype("int64"), x.shape[axis])
        source = tirx.Select(place < length, length - 1 - place, place)
        return x(*at[:axis], source, *at[axis + 1 :])

    return te.compute(x.shape, element, name="reversed_sequences")


def written_cache(
    past: te.Tensor, update: te.Tensor, starts: te.Tensor, axis: int, *, circular: bool
) -> te.Tensor:
    """Return `past` with `update` in place of what is along `axis` from `starts[b]` on.

    b is the place on the first axis. What would go beyond the end of a `circular` cache goes to its
    beginning, and is left out of another.
    """

    def element(*at: Any) -> Any:
        place = at[axis].astype("int64") - starts(at[0]).astype("int64")
        if circular:
            place = tirx.floormod(place, past.shape[axis])
        within = tirx.all(place >= 0, place < update.shape[axis])
        return tirx.if_then_else(within, update(*at[:axis], place, *at[axis + 1 :]), past(*at))

    return te.compute(past.shape, element, name="written_cache")


def same_bits(x: te.Tensor, dtype: str) -> te.Tensor:
    """Return the elements of `x` with their bits read as those of `dtype`, which is as wide."""
    return te.compute(x.shape, lambda *at: tirx.reinterpret(dtype, x(*at)), name="same_bits")
