"""Products of one row whose weights come from memory: two panels of weights that lie far apart.

A core reads memory fastest in two streams that go on without a break, each of which has a
prefetcher run ahead. Neighbouring panels are no such streams, since each jumps over the other's.
"""

from __future__ import annotations

from dataclasses import replace

from tvm import tirx

from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.loops.spans import Span, Tile, column_spans
from pyjsml.kernels.loops.tile import Place, Tiled, tile_block
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, integer, substitute
from pyjsml.kernels.tir.stage import Axis

STREAMS = 2
"""Of 1, 2, 4 and 8 streams, V8 reads two the fastest."""


def streams(emitter: Emitter, nest: Nest, column: Axis, shape: Tile) -> Tiled | None:
    """Cover `nest`, of one row and padded columns, with tiles of a panel from each half of them.

    What the halves leave over, less than `STREAMS` panels, comes last. None if there are more axes,
    or too few columns.
    """
    axes = [axis for axis in nest.axes if constant(axis.extent) != 1]
    size = constant(column.extent)
    pairs = (size or 0) // (STREAMS * PANEL)
    if nest.guards or len(axes) != 1 or not pairs or size is None:
        return None
    once = {axis.var: integer(0) for axis in nest.axes if axis is not column}
    nest = replace(nest.rewrite(lambda e: substitute(e, once)), axes=(column,))

    def cut(start: int, count: int, stride: int, place: Place) -> tirx.Stmt:
        """Compute a tile whose rows are `count` streams, `stride` columns apart."""
        stream, within = emitter.axis("stream", count), emitter.axis("within", stride)
        at = {column.var: start + stream.var * stride + within.var}
        moved = nest.rewrite(lambda e: emitter.resimplify(substitute(e, at)))
        moved = replace(moved, axes=(stream, within))
        return tile_block(emitter, moved, stream, within, place, shape)

    half = pairs * PANEL
    left = size - STREAMS * half
    spans = column_spans(integer(left), shape, padded=True) if left else []
    j = emitter.axis("j", pairs + sum(span.count for span in spans))
    body = cut(0, STREAMS, half, Place(0, STREAMS, j.var * PANEL, PANEL))
    for span in spans:
        place = Place.of(integer(0), Span(0, 1, 1), span, replace(j, var=j.var - pairs))
        body = tirx.IfThenElse(j.var < pairs, body, cut(STREAMS * half, 1, left, place))
    return Tiled((j,), body)
