"""Several rows by one fragment, so that what they share is fetched once.

A fragment can write one texel of each of a few textures, so the rows of a block go to the layers of
a temporary, from which a second pass takes them in their order. Fetches cost far more than
arithmetic; of a matrix product it saves more than half. In the temporary rows begin at a texel, so
that lanes stay columns where the result's rows do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.codegen.webgl2.lanes import LANES, aligned, count
from pyjsml.kernels.loops.nest import Nest, Result
from pyjsml.kernels.tir.emit import Emitter, flat_buffer
from pyjsml.kernels.tir.expression import constant, dtype, integer, loads, substitute, uses
from pyjsml.kernels.tir.stage import Axis

ROWS = 4
"""How many rows a fragment computes: as many textures as every WebGL2 context can draw to."""

LEAST_SUM = 8
"""How many products a sum must have for the second pass to pay."""


@dataclass(frozen=True)
class Rows:
    """The axes of a pass whose fragments compute `count` points each along `row`.

    `block` stands for it among `axes`; where `count` is 1 the two are one.
    """

    axes: tuple[Axis, ...]
    row: Axis
    block: Axis
    count: int

    @property
    def layers(self) -> int:
        """How many layers the temporary has; 0 where it is none of layers."""
        return self.count if self.count > 1 else 0

    def at(self, number: int) -> Mapping[tirx.Var, Any]:
        """Return where the row of a `number` within the block lies."""
        return {self.row.var: self.block.var * self.count + number} if self.layers else {}


def by_rows(emitter: Emitter, nest: Nest) -> Rows | None:
    """Cut the points of `nest` into blocks of rows, where that pays."""
    if len(nest.accumulators) != 1 or not nest.axes or not _long(nest):
        return None
    if dtype(nest.accumulators[0].value) == "bool":
        return None
    axes = (*nest.axes[:-1], _whole_texels(emitter, nest.axes))
    candidates = [axis for axis in axes[:-1] if _shares(nest, axis)]
    if not candidates:
        return None if aligned(emitter, nest.axes) else Rows(axes, axes[0], axes[0], 1)
    row = min(reversed(candidates), key=lambda axis: (_fetches(nest, axis), _waste(axis)))
    block = emitter.axis(row.var.name, tirx.floordiv(row.extent + (ROWS - 1), ROWS))
    return Rows(tuple(block if axis is row else axis for axis in axes), row, block, ROWS)


def _whole_texels(emitter: Emitter, axes: tuple[Axis, ...]) -> Axis:
    """Return the innermost axis, rounded up to whole texels unless it is the only one."""
    inner = axes[-1]
    if aligned(emitter, axes):
        return inner
    whole = tirx.floordiv(inner.extent + (LANES - 1), LANES) * LANES
    return Axis(inner.var, emitter.simplify(whole))


def _long(nest: Nest) -> bool:
    size = 1
    for axis in nest.reduced:
        size *= constant(axis.extent) or LEAST_SUM
    return size >= LEAST_SUM


def _shares(nest: Nest, axis: Axis) -> bool:
    """Tell whether all points along `axis` load something that is the same for them."""
    extent = constant(axis.extent)
    if extent is not None and extent < ROWS:
        return False
    found = [list(load.indices) for expr in nest.body for load in loads(expr)]
    return any(not uses(indices, [axis.var]) for indices in found)


def _fetches(nest: Nest, axis: Axis) -> int:
    """Count the vectors of columns that each row along `axis` has to itself.

    A number that multiplies all columns matters less: one texel has four of them.
    """
    column = nest.axes[-1].var
    found = [list(load.indices) for expr in nest.body for load in loads(expr)]
    return sum(uses(indices, [axis.var]) and uses(indices, [column]) for indices in found)


def _waste(axis: Axis) -> int:
    """Return how many percent of the rows of all blocks are none, in steps of ten."""
    extent = constant(axis.extent)
    return 0 if extent is None else 10 * (-extent % ROWS) // extent


def rows_buffer(emitter: Emitter, nest: Nest, rows: Rows) -> tirx.Var:
    """Return the temporary, of whose layers each holds every ROWS-th row."""
    value = nest.accumulators[0].value
    name, size = f"{value.name}_rows", count(emitter, rows.axes)
    if not rows.layers:
        return flat_buffer(name, dtype(value), size)
    return tirx.decl_buffer((integer(ROWS), size), dtype(value), name=name)


def in_order(rows: Rows, nest: Nest, held: tirx.Var) -> Nest:
    """Return what follows the reduction of `nest`, with its values taken from `held`."""
    flat: Any = integer(0)
    for axis, part in zip(rows.axes, nest.axes, strict=True):
        divided = rows.layers and axis is rows.block
        flat = flat * axis.extent + (tirx.floordiv(part.var, ROWS) if divided else part.var)
    layer = [tirx.floormod(rows.row.var, ROWS)] if rows.layers else []
    values = {nest.accumulators[0].value: tirx.BufferLoad(held, [*layer, flat])}
    results = tuple(Result(r.flat, r.index, substitute(r.value, values)) for r in nest.results)
    return replace(nest, reduced=(), accumulators=(), results=results)
