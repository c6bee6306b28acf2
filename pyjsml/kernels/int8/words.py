"""Products of bytes by 16-bit multiplications, for a target that has no `dot` of bytes.

    sums[row][0..3]  +=  words_dot(w[k..k+3] of columns 0 and 1, x[row, k..k+3] twice)

The weights become 16-bit numbers as they are loaded, four of each column side by side, as they are
packed. The activations become such once for all panels of weights that a call computes: a splat is
then a plain load, and a step of the tile is hardly more than its multiplications and additions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tvm import ir, tirx

from pyjsml.kernels.int8.dot import neighbours, spread_words, words_dot
from pyjsml.kernels.int8.int8 import GROUP
from pyjsml.kernels.int8.tile import Place, finish_columns, load_bytes, row_at
from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest, stride
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter, allocate, local, sequence, serial
from pyjsml.kernels.tir.expression import constant, integer
from pyjsml.kernels.tir.opaque import kept
from pyjsml.kernels.tir.stage import Axis

WORDS = 8
"""16-bit numbers of a vector."""
SUMS = 8
"""Vectors of partial sums that a tile adds up at once: as many as `int8_loops` has."""
MOST_BYTES = 64 * 1024
"""What the activations of a block may take of the stack and of the cache."""


@dataclass(frozen=True)
class WideRows:
    """The activations of a block of tiles as 16-bit numbers, tiles of `rows` rows, in `held`.

    `x` reads them along `row`, in groups of GROUP neighbours along `step`.
    """

    emitter: Emitter
    x: ir.TensorLoad
    row: Axis | None
    step: Axis
    at: dict[tirx.Var, Any]
    rows: int
    depth: int
    held: tirx.Var

    @staticmethod
    def of(
        emitter: Emitter, x: ir.TensorLoad, row: Axis | None, reduced: Sequence[Axis], rows: int
    ) -> WideRows | None:
        """Return room for `rows` rows of `x`, or None if these are no rows or take too much.

        `reduced` are the axes of the depth, of which the last one runs through a group.
        """
        *steps, group = reduced
        long = [axis for axis in steps if constant(axis.extent) != 1]
        if len(long) != 1:
            return None
        (step,) = long
        depth = GROUP * (constant(step.extent) or MOST_BYTES)
        if 2 * rows * depth > MOST_BYTES or stride(emitter, x.indices[0], step.var) != GROUP:
            return None
        at = {axis.var: integer(0) for axis in (*steps, group) if axis is not step}
        return WideRows(
            emitter, x, row, step, at, rows, depth, local("words", "int16", rows * depth)
        )

    def fill(self, place: Place, first: Any) -> tirx.Stmt:
        """Convert the rows of a tile, which are those from `first` on of the block."""
        whole, rest = divmod(self.depth, WORDS)
        parts = []
        for number in range(place.rows):
            here = row_at(self.row, place.row + number) | self.at
            vector = self.emitter.axis("vector", whole)
            if whole:
                stored = self._stored(here, first + number, vector.var * WORDS, WORDS)
                parts.append(serial([vector], stored))
            if rest:
                parts.append(self._stored(here, first + number, integer(whole * WORDS), rest))
        return sequence(*parts)

    def _stored(self, here: dict[tirx.Var, Any], row: Any, column: Any, size: int) -> tirx.Stmt:
        """Store `size` elements of the row that `x` has `here`, from `column` on, as that `row`."""
        bytes_ = load_bytes(
            self.emitter,
            self.x,
            here | {self.step.var: tirx.floordiv(column, integer(GROUP))},
            size,
        )
        place = tirx.Ramp(row * self.depth + column, integer(1), size)
        return tirx.BufferStore(self.held, tirx.Cast(f"int16x{size}", bytes_), [place])

    def tile(
        self,
        nest: Nest,
        weight: ir.TensorLoad,
        start: ir.TensorLoad | None,
        place: Place,
        first: Any,
    ) -> tirx.Stmt:
        """Compute a tile, whose rows are those from `first` on of the block, part by part.

        The sums of a part begin with what `start` has for its columns.
        """
        width = min(PANEL, 2 * SUMS // place.rows // LANES * LANES)
        parts = [
            self._part(_Part(nest, weight, start, place, first, panel, lane, width))
            for panel in range(place.panels)
            for lane in range(0, PANEL, width)
        ]
        return sequence(*parts)

    def _part(self, part: _Part) -> tirx.Stmt:
        rows, vectors = part.place.rows, part.width * GROUP // WORDS
        sums = local("sums", "int32", rows * vectors * LANES)
        total = local("total", "int32", rows * part.width)
        zero = tirx.Broadcast(integer(0), LANES)
        zeros = [tirx.BufferStore(sums, zero, [_lanes(n * LANES)]) for n in range(rows * vectors)]
        steps = []
        for row in range(rows):
            here = (part.first + row) * self.depth + self.step.var * GROUP
            words = tirx.BufferLoad(self.held, [tirx.Ramp(here, integer(1), GROUP)])
            for vector in range(vectors):
                at = [_lanes((row * vectors + vector) * LANES)]
                where = {**self.at, part.axis.var: part.column + vector * WORDS // GROUP}
                bytes_ = load_bytes(self.emitter, part.weight, where, WORDS)
                wide = tirx.Cast(f"int16x{WORDS}", bytes_)
                more = words_dot(wide, spread_words(words))
                steps.append(tirx.BufferStore(sums, tirx.BufferLoad(sums, at) + more, at))
        ends = []
        for row, vector in product(range(rows), range(0, vectors, 2)):
            pair = [
                tirx.BufferLoad(sums, [_lanes((row * vectors + vector + side) * LANES)])
                for side in (0, 1)
            ]
            value = neighbours(*pair)
            if part.start is not None:
                where = {part.axis.var: part.column + vector * WORDS // GROUP}
                value = value + load_bytes(self.emitter, part.start, where, LANES)
            at = [_lanes(row * part.width + vector * LANES // 2)]
            ends.append(tirx.BufferStore(total, value, at))
        loop = serial([kept(self.step)], sequence(*steps))
        finish = self._finish(part, total)
        return allocate([sums, total], sequence(*zeros, loop, *ends, finish))

    def _finish(self, part: _Part, total: tirx.Var) -> tirx.Stmt:
        """Store the results of a part; of the last panel only the columns that there are."""
        length = int(part.axis.extent)

        def stores(columns: int) -> tirx.Stmt:
            found = []
            for row in range(part.place.rows):
                at = row_at(self.row, part.place.row + row)
                found += finish_columns(
                    self.emitter, part.nest, at, part.column, total, row * part.width, columns
                )
            return sequence(*found) if found else tirx.Evaluate(integer(0))

        rest = length % PANEL
        if rest == 0 or part.panel < part.place.panels - 1:
            return stores(part.width)
        left = max(0, min(rest - part.lane, part.width))
        last = tirx.EQ((part.place.panel + part.place.panels) * PANEL, length - rest + PANEL)
        return tirx.IfThenElse(self.emitter.simplify(last), stores(left), stores(part.width))


@dataclass(frozen=True)
class _Part:
    """The `width` columns from `lane` on of a tile's panel, which are added up together."""

    nest: Nest
    weight: ir.TensorLoad
    start: ir.TensorLoad | None
    place: Place
    first: Any
    panel: int
    lane: int
    width: int

    @property
    def axis(self) -> Axis:
        """The columns of the nest."""
        return self.nest.axes[-1]

    @property
    def column(self) -> Any:
        """The first column."""
        return (self.place.panel + self.panel) * PANEL + self.lane


def _lanes(first: Any) -> Any:
    return tirx.Ramp(integer(first), integer(1), LANES)
