"""Scatters: a copy of the data, into which each update is written, or folded, where it belongs.

Indices are not negative, and within the data: see `indexing`. Of several updates of an element each
is folded into what the ones before have made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tvm import te, tirx

Place = Callable[[te.Tensor, Sequence[Any]], list[Any]]
"""Returns where the update at an index belongs, by a buffer of the scatter's indices."""

FOLDS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "update": lambda old, new: new,
        "add": lambda old, new: old + new,
        "mul": lambda old, new: old * new,
        "min": tirx.min,
        "max": tirx.max,
    }
)
"""By reduction: what becomes of an element and its update."""


def scatter_elements(
    data: te.Tensor, indices: te.Tensor, updates: te.Tensor, axis: int, reduction: str
) -> te.Tensor:
    """Return `data` with `updates` at `indices` along `axis`; all three have as many axes.

    Along the other axes there may be fewer updates than elements. `reduction` is one of FOLDS.
    """

    def place(buffer: Any, at: Sequence[Any]) -> list[Any]:
        return [*at[:axis], tirx.BufferLoad(buffer, list(at)), *at[axis + 1 :]]

    return _scatter("scatter_elements", data, indices, updates, place, reduction)


def scatter_nd(
    data: te.Tensor, indices: te.Tensor, updates: te.Tensor, reduction: str
) -> te.Tensor:
    """Return `data` with the slices `updates` at the coordinates in the last axis of `indices`.

    `reduction` is one of FOLDS.
    """
    places, depth = len(indices.shape) - 1, int(indices.shape[-1])

    def place(buffer: Any, at: Sequence[Any]) -> list[Any]:
        numbers = [tirx.const(position, "int64") for position in range(depth)]
        found = [tirx.BufferLoad(buffer, [*at[:places], number]) for number in numbers]
        return [*found, *at[places:]]

    return _scatter("scatter_nd", data, indices, updates, place, reduction)


def _scatter(
    name: str,
    data: te.Tensor,
    indices: te.Tensor,
    updates: te.Tensor,
    place: Place,
    reduction: str,
) -> te.Tensor:
    fold = FOLDS[reduction]

    def body(ins: Sequence[Any], outs: Sequence[Any]) -> tirx.Stmt:
        old, where, new = ins
        (out,) = outs

        def copied(at: list[Any]) -> tirx.Stmt:
            return tirx.BufferStore(out, tirx.BufferLoad(old, at), at)

        def written(at: list[Any]) -> tirx.Stmt:
            to = place(where, at)
            value = fold(tirx.BufferLoad(out, to), tirx.BufferLoad(new, at))
            return tirx.BufferStore(out, value, to)

        return tirx.SeqStmt([_each(data.shape, copied), _each(updates.shape, written)])

    return te.extern(
        [list(data.shape)], [data, indices, updates], body, dtype=[data.dtype], name=name
    )


def _each(shape: Sequence[Any], body: Callable[[list[Any]], tirx.Stmt]) -> tirx.Stmt:
    """Run `body` for each index of a tensor."""
    at = [tirx.Var(f"i{number}", "int64") for number in range(len(shape))]
    statement = body(list(at))
    for var, size in reversed(list(zip(at, shape, strict=True))):
        extent = size.astype("int64") if hasattr(size, "astype") else tirx.const(size, "int64")
        statement = tirx.For(var, tirx.const(0, "int64"), extent, tirx.ForKind.SERIAL, statement)
    return statement
