"""Depthwise convolution of bytes: each channel by itself, four rows of the picture at a time.

    total[c]  +=  dot(w[column][c], x[row 0..3][column][c])                   c = 0..3, 4..7

A column of the window has its bytes of four rows side by side, interleaved once for all pixels of a
tile that see it. Where a window has at most three rows, these four serve two rows of outputs: the
weights of the second are those of the first, a byte further.

What lies beside the picture counts as `border`. To the left and to the right of it that is known
for each tile. Above and below it the weights are 0, and the sums start with what they would add.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from tvm import ir, tirx

from pyjsml.kernels.int8.dot import VECTOR, dot, interleave
from pyjsml.kernels.int8.factors import Factors
from pyjsml.kernels.int8.int8 import GROUP
from pyjsml.kernels.int8.tile import add_dot, finish_columns, load_bytes
from pyjsml.kernels.int8.window import Window
from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.loops.spans import Span, border_spans, row_spans
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter, allocate, local, sequence, serial
from pyjsml.kernels.tir.expression import INDEX, constant, integer, substitute, uses

PIXELS = 4
"""Pixels of a tile, whose columns are shared."""
HALVES, BYTE = PANEL // LANES, 8
ALL = -1
"""The mask that leaves a group of bytes as it is."""


def depthwise(
    emitter: Emitter, nest: Nest, factors: Factors, start: ir.TensorLoad | None
) -> Tiled | None:
    """Cover a depthwise product, reduced across and down the window; None if its limits are odd."""
    *outer, column = nest.axes
    across, down = nest.reduced
    row = emitter.axis("row", 1)
    heights = [limit for limit in factors.limits if uses(limit, [down.var])]
    if outer and not any(uses(limit, [outer[-1].var]) for limit in heights):
        row = outer.pop()
    window = Window(emitter, factors, tuple(outer), row, column, across, down)
    if not window.is_regular:
        return None
    j = emitter.axis("j", tirx.floordiv(column.extent, PANEL))
    panel = _Panel(emitter, nest, window, start, j.var)
    body = [*panel.prepared()]
    guarded = replace(nest, guards=tuple(window.sides))
    for span in border_spans(emitter, guarded, row, row_spans(row.extent, PIXELS)):
        t = emitter.axis("t", span.count)
        body.append(serial([t], panel.tile(span.start + t.var * span.size, span)))
    parallel = outer
    if (shared := window.shared) is not None:
        # The last pair of an odd number of rows computes one of them again.
        pair = emitter.axis("pair", tirx.floordiv(shared.extent + 1, 2))
        body.insert(0, tirx.Bind(shared.var, tirx.min(pair.var * 2, shared.extent - 2)))
        parallel = [pair if axis is shared else axis for axis in outer]
    return Tiled((*parallel, j), allocate([panel.weights, panel.begin], sequence(*body)))


@dataclass(frozen=True)
class _Panel:
    """The channels of one panel along the rows of outputs of a tile."""

    emitter: Emitter
    nest: Nest
    window: Window
    start: ir.TensorLoad | None
    number: Any

    @cached_property
    def weights(self) -> tirx.Var:
        """The weights of each row of outputs, 0 where the picture has no row."""
        count = self.window.outputs * len(self._vectors)
        return local("weights", "int8", count * VECTOR)

    @cached_property
    def begin(self) -> tirx.Var:
        """What the sums of each row of outputs start with."""
        return local("begin", "int32", self.window.outputs * PANEL)

    @cached_property
    def lines(self) -> list[tirx.Var]:
        """Where each row of the picture has its first byte that a tile may read."""
        rows = int(self.window.down.extent) + self.window.outputs - 1
        return [tirx.Var(f"line{number}", INDEX) for number in range(rows)]

    @cached_property
    def _vectors(self) -> list[tuple[int, int, int]]:
        """Each vector of weights: its half of the panel, its column, its group of rows."""
        across = int(self.window.across.extent)
        return list(product(range(HALVES), range(across), range(self.window.groups)))

    def prepared(self) -> Iterator[tirx.Stmt]:
        """Yield what a panel's tiles have in common."""
        window = self.window
        found = [window.inside(window.line(number)) for number in range(len(self.lines))]
        for number, (line, inside) in enumerate(zip(self.lines, found, strict=True)):
            there = self._first(window.line(number))
            if constant(inside) != 1:
                there = tirx.Select(inside, there, self._first(window.some_row or {}))
            yield tirx.Bind(line, there)
        masks: list[Any] = []
        for group in range(window.groups):
            rows = found[group * GROUP : (group + 1) * GROUP]
            masks.append(integer(ALL))
            if any(constant(inside) != 1 for inside in rows):
                masks[group] = tirx.Var(f"mask{group}", INDEX)
                yield tirx.Bind(masks[group], _mask(rows))
        for output in range(window.outputs):
            yield from self._prepared(output, masks)

    def _prepared(self, output: int, masks: list[Any]) -> Iterator[tirx.Stmt]:
        window = self.window
        border = tirx.Broadcast(tirx.const(window.factors.border, "uint8"), VECTOR)
        sums = [self._start(half) for half in range(HALVES)]
        for number, (half, tap, group) in enumerate(self._vectors):
            at = {
                window.across.var: integer(tap),
                window.down.var: integer(group * GROUP),
                window.column.var: self.number * PANEL + half * LANES,
            }
            bytes_ = load_bytes(self.emitter, window.factors.weight, at, VECTOR)
            words = tirx.reinterpret("int32x4", bytes_)
            if output:
                words = words << tirx.Broadcast(integer(BYTE), LANES)
            mask = masks[group]
            if constant(mask) != ALL:
                if window.factors.border:
                    lost = words & tirx.Broadcast(mask ^ integer(ALL), LANES)
                    sums[half] = dot(tirx.reinterpret("int8x16", lost), border, sums[half])
                words = words & tirx.Broadcast(mask, LANES)
            place = self._weight(output, number)
            yield tirx.BufferStore(self.weights, tirx.reinterpret("int8x16", words), [place])
        for half, value in enumerate(sums):
            yield tirx.BufferStore(self.begin, value, [_lanes(output * PANEL + half * LANES)])

    def tile(self, start: Any, span: Span) -> tirx.Stmt:
        """Return the tile of `span` whose first pixel is `start`."""
        window, outputs = self.window, self.window.outputs
        total = local("total", "int32", span.size * outputs * PANEL)
        size = window.groups * HALVES * VECTOR
        columns = local("columns", "uint8", span.size * int(window.across.extent) * size)
        # Of a single pixel, the row is no axis that a limit could change along.
        inner = span.inner and constant(window.row.extent) != 1
        known: dict[int, int] = {}
        body: list[tirx.Stmt] = []
        for pixel in range(span.size):
            read: dict[int, int | None] = {}
            for tap in range(int(window.across.extent)):
                if not inner and not window.on_picture(start + pixel, tap):
                    read[tap] = None
                    continue
                key = int(window.offset(integer(pixel), tap))
                if key not in known:
                    known[key] = len(known) * size
                    where = window.offset(start + pixel, tap)
                    body += self._column(columns, known[key], where)
                read[tap] = known[key]
            for output in range(outputs):
                element = (pixel * outputs + output) * PANEL
                body += self._sums(total, element, output, columns, read)
                at = {window.row.var: start + pixel}
                if window.shared is not None:
                    at[window.shared.var] = window.shared.var + output
                first = self.number * PANEL
                body += finish_columns(self.emitter, self.nest, at, first, total, element, PANEL)
        return allocate([total, columns], sequence(*body))

    def _column(self, columns: tirx.Var, element: int, where: Any) -> Iterator[tirx.Stmt]:
        """Interleave the rows of a column of the picture, `where` bytes behind their first."""
        source = self.window.factors.x.source
        for group in range(self.window.groups):
            lines = self.lines[group * GROUP : (group + 1) * GROUP]
            lines += [lines[-1]] * (GROUP - len(lines))  # meets weights that are 0
            places = [tirx.Ramp(line + where, integer(1), PANEL) for line in lines]
            taps = [tirx.BufferLoad(source, [place]) for place in places]
            for half, vector in enumerate(interleave(taps)):
                place = element + (group * HALVES + half) * VECTOR
                yield tirx.BufferStore(columns, vector, [_bytes(place)])

    def _sums(
        self,
        total: tirx.Var,
        element: int,
        output: int,
        columns: tirx.Var,
        read: dict[int, int | None],
    ) -> Iterator[tirx.Stmt]:
        """Add up the window of one pixel, whose columns lie where `read` says, or on the border."""
        border = self.window.factors.border
        for half in range(HALVES):
            begin = tirx.BufferLoad(self.begin, [_lanes(output * PANEL + half * LANES)])
            yield tirx.BufferStore(total, begin, [_lanes(element + half * LANES)])
        for number, (half, tap, group) in enumerate(self._vectors):
            weights = tirx.BufferLoad(self.weights, [self._weight(output, number)])
            column = read[tap]
            if column is not None:
                place = column + (group * HALVES + half) * VECTOR
                bytes_ = tirx.BufferLoad(columns, [_bytes(place)])
            elif border:
                bytes_ = tirx.Broadcast(tirx.const(border, "uint8"), VECTOR)
            else:
                continue
            yield add_dot(total, element + half * LANES, weights, bytes_)

    def _first(self, at: dict[tirx.Var, Any]) -> Any:
        window = self.window
        first = {
            window.row.var: integer(0),
            window.across.var: integer(window.first_tap or 0),
            window.column.var: self.number * PANEL,
        }
        index = substitute(window.factors.x.indices[0], at | first)
        return self.emitter.simplify(index)

    def _start(self, half: int) -> Any:
        if self.start is None:
            return tirx.Broadcast(integer(0), LANES)
        at = {self.window.column.var: self.number * PANEL + half * LANES}
        return load_bytes(self.emitter, self.start, at, LANES)

    def _weight(self, output: int, number: int) -> Any:
        return _bytes((output * len(self._vectors) + number) * VECTOR)


def _mask(rows: list[Any]) -> Any:
    """Return an integer whose byte r has all bits set where `rows[r]` holds, and else none."""
    total: Any = integer(0)
    for number, inside in enumerate(rows):
        byte = integer((0xFF << BYTE * number) - (1 << 32 if number == GROUP - 1 else 0))
        held = constant(inside) == 1
        total = total + (byte if held else tirx.Select(inside, byte, integer(0)))
    return total


def _bytes(first: int) -> Any:
    return tirx.Ramp(integer(first), integer(1), VECTOR)


def _lanes(first: int) -> Any:
    return tirx.Ramp(integer(first), integer(1), LANES)
