"""Blocks of rows: points of an axis that several stages take together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx

from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, uses
from pyjsml.kernels.tir.stage import Axis, Stage, Stages, reads

BLOCK_ROWS = 4
"""Blocks have a multiple of so many rows: those of a register tile."""

MOST_ROWS, BLOCK_BYTES = 32, 32 * 1024
"""Rows of a block, and what their temporaries may take of the first-level cache."""


@dataclass(frozen=True)
class Block:
    """A common axis cut into blocks, whose points the stages take together.

    Products share what they load between the rows of a block. `inner` runs through block `outer`,
    which starts at `first`, and `size` is the longest.
    """

    position: int
    size: int
    outer: Axis
    inner: Axis
    first: Any


def cut_rows(emitter: Emitter, function: Stages, common: int, row_bytes: int) -> Block | None:
    """Cut into blocks the common axis that products need not follow with all that they load.

    `row_bytes` are what a point of the `common` axes holds while the stages run.
    """
    products = [stage for stage in function.stages if stage.reduced and len(stage.axes) > common]
    for position, axis in enumerate(function.stages[-1].axes[:common]):
        shared = all(_shares(stage, stage.axes[position].var) for stage in products)
        if not products or not shared or constant(axis.extent) == 1:
            continue
        most = max(BLOCK_ROWS, min(MOST_ROWS, BLOCK_BYTES // max(row_bytes, 1)))
        size = _block_size(constant(axis.extent), most // BLOCK_ROWS * BLOCK_ROWS)
        outer = emitter.axis("block", tirx.floordiv(axis.extent + (size - 1), size))
        first = outer.var * size
        inner = emitter.axis(axis.var.name, tirx.min(axis.extent - first, size))
        return Block(position, size, outer, inner, first)
    return None


def _block_size(extent: int | None, most: int) -> int:
    """Return the size of blocks: all of `extent`, or a part without rest if that is not small."""
    if extent is None:
        return most
    if extent <= most:
        return extent
    whole = [size for size in range(BLOCK_ROWS, most + 1, BLOCK_ROWS) if extent % size == 0]
    return max((size for size in whole if 2 * size >= most), default=most)


def _shares(stage: Stage, axis: tirx.Var) -> bool:
    """Tell whether the product `stage` loads the same along its columns wherever `axis` stands."""
    column = stage.axes[-1].var
    along = [load for load in reads(stage) if uses(list(load.indices), [column])]
    return any(not uses(list(load.indices), [axis]) for load in along)
