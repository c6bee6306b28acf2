"""The packed weight layout that convolutions and matrix products share."""

from __future__ import annotations

from collections.abc import Callable

from tvm import ir, te, tirx

PANEL = 8
"""Output channels per panel of packed weights: two f32x4 vectors.

One width serves both instruction sets, because the packed weights do not know which wasm file reads
them; only the number of rows per register tile differs between the two.
"""


def extent(size: ir.Expr | int) -> ir.Expr:
    """Return `size` as an extent: Relax wants every dim of a shape to be an int64."""
    return tirx.const(size, "int64") if isinstance(size, int) else size


def panels(count: ir.Expr | int) -> ir.Expr:
    """Return how many panels hold `count` columns."""
    return tirx.floordiv(count + (PANEL - 1), PANEL)


def pack(
    weight: te.Tensor,
    columns: ir.Expr,
    shape: list[ir.Expr],
    index: Callable[..., tuple[ir.Expr, ...]],
    name: str,
) -> te.Tensor:
    """Arrange a weight as [panels, *shape, PANEL], with zeros behind the last column.

    `index(column, *position)` gives the indices of `weight` for a column and a position in `shape`.
    """
    zero = tirx.const(0, weight.dtype)
    width = tirx.const(PANEL, columns.ty.dtype)

    def element(panel: tirx.Var, *rest: tirx.Var) -> ir.Expr:
        *position, lane = rest
        column = panel * PANEL + lane
        inside = weight(*index(column, *position))
        return tirx.if_then_else(column < columns, inside, zero)

    return te.compute((panels(columns), *shape, width), element, name=name)
