"""Elimination with pivots, one column at a time, of matrices [batch, size, size]."""

from __future__ import annotations

from typing import Any

from tvm import te, tirx

from pyjsml.kernels.ops.extremes import where_extreme


def pivot_rows(matrices: te.Tensor) -> te.Tensor:
    """Return the row of each matrix that is the largest, without its sign, in the first column."""
    shape = matrices.shape[:2]
    column = te.compute(shape, lambda n, row: tirx.abs(matrices(n, row, 0)), name="column")
    return where_extreme(column, 1, keepdims=False, largest=True)


def pivots(matrices: te.Tensor, rows: te.Tensor) -> te.Tensor:
    """Return the first element of the pivot row, with the sign of what lifts it to the top."""

    def element(n: Any) -> Any:
        pivot = matrices(n, rows(n), 0)
        return tirx.Select(tirx.floormod(rows(n), 2) == 0, pivot, -pivot)

    return te.compute(matrices.shape[:1], element, name="pivots")


def eliminated(matrices: te.Tensor, rows: te.Tensor) -> te.Tensor:
    """Return the matrices without their first column and the pivot row, taken off the others.

    A pivot of 0 is taken off none.
    """
    count, size, _ = matrices.shape
    zero, one = tirx.const(0, matrices.dtype), tirx.const(1, matrices.dtype)

    def element(n: Any, row: Any, column: Any) -> Any:
        pivot = matrices(n, rows(n), 0)
        source = tirx.Select(row < rows(n), row, row + 1)
        share = matrices(n, source, 0) / tirx.Select(pivot == zero, one, pivot)
        return matrices(n, source, column + 1) - share * matrices(n, rows(n), column + 1)

    return te.compute([count, size - 1, size - 1], element, name="eliminated")
