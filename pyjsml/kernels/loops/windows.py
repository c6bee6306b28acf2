"""Windows that slide over a picture, channel by channel: depthwise convolution and pooling.

Nothing is reused but what neighbouring windows share, so a tile is a few pixels side by side by one
vector of channels, and a row of taps is written out. (Writing out the whole window is slower: too
many weights and pixels are then wanted in registers.) The channels run innermost, so that where a
tile lies, and which part of the border it overlaps, is found out once for all of them.
"""

from __future__ import annotations

from tvm import tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.loops.spans import (
    Span,
    Tile,
    border_spans,
    choose,
    column_spans,
    row_spans,
    total,
)
from pyjsml.kernels.loops.tile import Place, Tiled, tile_block
from pyjsml.kernels.tir.emit import Emitter, sequence, serial
from pyjsml.kernels.tir.expression import constant
from pyjsml.kernels.tir.stage import Axis

MAX_TAPS = 7
"""Taps that are written out, of one row as a rule."""
PIXELS, MORE_PIXELS = 4, 6
"""Pixels per tile, and for a window of more than 3 columns, whose neighbours share more."""


def windows(emitter: Emitter, nest: Nest, row: Axis, column: Axis, *, padded: bool) -> Tiled:
    """Cover the points of `nest` with tiles of pixels along `row` by a vector along `column`."""
    outer = [axis for axis in nest.axes if axis not in (row, column)]
    taps = constant(nest.reduced[-1].extent) or 1
    tile = Tile(PIXELS if taps <= 3 else MORE_PIXELS, LANES, unroll=MAX_TAPS)
    rows = border_spans(emitter, nest, row, row_spans(row.extent, tile.rows))
    b = emitter.axis("b", total(rows))

    def cover(columns: Span) -> tirx.Stmt:
        j = emitter.axis("j", columns.count)

        def along(start: int, span: Span) -> tirx.Stmt:
            place = Place.of(start, span, columns, j)
            return serial([j], tile_block(emitter, nest, row, column, place, tile))

        return choose(b.var, rows, along)

    parts = [cover(columns) for columns in column_spans(column.extent, tile, padded)]
    return Tiled((*outer, b), sequence(*parts))
