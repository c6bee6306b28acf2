"""The loops of a Winograd convolution: blocks of tiles whose intermediates stay in the cache.

The pixels of a block are transformed into scratch memory. Then, for each panel of output channels,
a register tile multiplies them by the weight, tap by tap, and the products are transformed back,
taken through the element-wise work that follows, and stored. So only the input, the weight and the
result are read or written outside the kernel's stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.nest import Nest, Result, make_nest
from pyjsml.kernels.loops.spans import Tile
from pyjsml.kernels.loops.tile import Place, Tiled, tile_block
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.branches import conditions, taken
from pyjsml.kernels.tir.emit import Emitter, allocate, sequence, serial, store, vectorized
from pyjsml.kernels.tir.expression import constant, integer, substitute
from pyjsml.kernels.tir.scratch import Scratch, element
from pyjsml.kernels.tir.stage import Axis, Stage, Stages, reads, same_index
from pyjsml.kernels.winograd.block import ROWS, Block

NAMES = (
    "winograd_pixels",
    "winograd_data_rows",
    "winograd_data",
    "winograd_product",
    "winograd_result_rows",
    "winograd_conv2d",
)
"""The stages of `winograd_conv2d`, in order."""


def winograd(function: Stages) -> tuple[Emitter, Stages, Tiled] | None:
    """Return a Winograd convolution with element-wise work behind it, and its loops.

    None if `function` is no such thing, or has dims or channels that do not fill the vectors.
    """
    if tuple(stage.name for stage in function.stages[: len(NAMES)]) != NAMES:
        return None
    pixels, _, _, product, result_rows, result, *after = function.stages
    down, across, channels = (constant(pixels.axes[axis].extent) for axis in (1, 2, 5))
    columns = constant(product.axes[-1].extent)
    if not (down and across and channels and columns):
        return None
    if channels % LANES or columns % PANEL or not _elementwise(function, [result, *after]):
        return None
    block = Block.of(down, across, channels, columns, int(result_rows.axes[4].extent))
    emitter = Emitter(function)
    return emitter, function, _Loops.of(emitter, function, block).tiled()


def _elementwise(function: Stages, stages: Sequence[Stage]) -> bool:
    """Tell whether each of `stages` reads the others at its own element, and the last one stays."""
    own = [stage.buffer for stage in stages]
    return function.outputs == (own[-1],) and all(
        same_index(load.indices, stage.axes)
        for stage in stages
        for load in reads(stage)
        if any(load.source.same_as(buffer) for buffer in own)
    )


@dataclass(frozen=True)
class _Tile:
    """A tile of the picture: its number within the block, and where it lies."""

    number: Axis
    down: tirx.Var
    across: tirx.Var
    binds: tuple[tirx.Stmt, ...]


@dataclass(frozen=True)
class _Loops:
    """The loops in the making: for each `batch`, `number` of a block and `group` of panels."""

    emitter: Emitter
    function: Stages
    block: Block
    batch: Axis
    number: Axis
    group: Axis
    data: Scratch
    product: Scratch

    @staticmethod
    def of(emitter: Emitter, function: Stages, block: Block) -> _Loops:
        pixels, _, data, product, *_ = function.stages
        taps = block.size * block.size
        plane = block.data_plane
        strides = (block.size * plane, plane, 0, block.channels, 0)
        plane = block.product_plane
        product_strides = (block.size * plane, plane, 0, PANEL, 0)
        return _Loops(
            emitter=emitter,
            function=function,
            block=block,
            batch=emitter.axis("batch", pixels.axes[0].extent),
            number=emitter.axis("block", block.count),
            group=emitter.axis("group", block.groups),
            data=Scratch.of(data, taps * block.data_plane, strides),
            product=Scratch.of(product, taps * plane, product_strides),
        )

    def tiled(self) -> Tiled:
        """Return all loops. Groups of a block that a call computes share its transformed pixels."""
        panel = self.emitter.axis("panel", self.block.panels)
        column = (self.group.var * self.block.panels + panel.var) * PANEL
        multiplied = sequence(self._multiply(column), self._finish(column))
        fresh = tirx.Var("fresh", "bool")
        needed = tirx.any(fresh, tirx.EQ(self.group.var, 0))
        body = sequence(
            tirx.IfThenElse(needed, self._transform(), None),
            allocate([self.product.flat], serial([panel], multiplied)),
        )
        parallel = (self.batch, self.number, self.group)
        return Tiled(parallel, body, kept=(self.data.flat,), fresh=fresh)

    @property
    def _bounds(self) -> tuple[Any, Any]:
        """The quads that are the block's: from the first one to before the second one."""
        quads, count = self.block.quads, self.block.count
        starts = [(self.number.var + more) * quads for more in (0, 1)]
        return tirx.floordiv(starts[0], count), tirx.floordiv(starts[1], count)

    def _tile(self) -> _Tile:
        first, behind = self._bounds
        last = tirx.min(behind * ROWS, self.block.total)
        number = self.emitter.axis("tile", last - first * ROWS)
        at = first * ROWS + number.var
        down, across = tirx.Var("down", "int32"), tirx.Var("across", "int32")
        self.emitter.bind(Axis(down, integer(self.block.down)))
        self.emitter.bind(Axis(across, integer(self.block.across)))
        binds = (
            tirx.Bind(down, tirx.floordiv(at, self.block.across)),
            tirx.Bind(across, tirx.floormod(at, self.block.across)),
        )
        return _Tile(number, down, across, binds)

    def _transform(self) -> tirx.Stmt:
        """Transform the pixels of the block, those of a tile at the border with a check on each."""
        tile = self._tile()
        inside = self._inside(tile)
        body = self._transform_tile(tile, inside=True)
        if constant(inside) != 1:
            body = tirx.IfThenElse(inside, body, self._transform_tile(tile, inside=False))
        return serial([tile.number], sequence(*tile.binds, body))

    def _inside(self, tile: _Tile) -> Any:
        """Return the condition that no pixel of the tile is beyond the border: no corner is."""
        size = self.block.size
        pixels = self.function.stages[0]
        corners = []
        for a in range(size):
            for b in (0, size - 1):
                place = [self.batch.var, tile.down, tile.across, *map(integer, (a, b, 0))]
                at = {axis.var: position for axis, position in zip(pixels.axes, place, strict=True)}
                corners.append(substitute(pixels.writes[0].value, at))
        return self.emitter.simplify(tirx.all(*conditions(corners), tirx.const(True, "bool")))

    def _pixel(self, tile: _Tile, a: Any, b: Any, channel: Any) -> Any:
        pixels = self.function.stages[0]
        return element(
            self.emitter, pixels, [self.batch.var, tile.down, tile.across, a, b, channel]
        )

    def _transform_tile(self, tile: _Tile, *, inside: bool) -> tirx.Stmt:
        """Transform a tile, 4 channels at a time: down its columns, then along its rows."""
        emitter, size = self.emitter, self.block.size
        pixels, rows, data, *_ = self.function.stages
        vector = emitter.axis("vector", self.block.channels // LANES)
        lane = emitter.axis("lane", LANES)
        b, y = emitter.axis("b", size), emitter.axis("y", size)
        column = Scratch.of(pixels, size * LANES, (0, 0, 0, LANES, 0))
        turned = Scratch.of(rows, size * size * LANES, (0, 0, 0, size * LANES, LANES))
        place = [self.batch.var, tile.down, tile.across]
        down, along = [], []
        for a in map(integer, range(size)):
            value = self._pixel(tile, a, b.var, vector.var * LANES + lane.var)
            value = taken(value) if inside else value
            down.append(column.put([*place, a, b.var], lane.var, lane, value))
        for row in map(integer, range(size)):
            value = element(emitter, rows, [*place, b.var, row, lane.var], (column, lane.var))
            down.append(turned.put([*place, b.var, row], lane.var, lane, value))
        for z in map(integer, range(size)):
            value = element(emitter, data, [y.var, z, *place, lane.var], (turned, lane.var))
            at = [y.var, z, self.batch.var, tile.number.var, integer(0)]
            along.append(self.data.put(at, vector.var * LANES + lane.var, lane, value))
        body = sequence(serial([b], sequence(*down)), serial([y], sequence(*along)))
        return allocate([column.flat, turned.flat], serial([vector], body))

    def _multiply(self, first: Any) -> tirx.Stmt:
        """Multiply all tiles of the block with the panel of the weight at column `first`."""
        emitter, product = self.emitter, self.function.stages[3]
        y, z = emitter.axis("y", self.block.size), emitter.axis("z", self.block.size)
        first_quad, behind = self._bounds
        quad = emitter.axis("quad", behind - first_quad)
        row, column = emitter.axis("row", self.block.tiles), emitter.axis("column", PANEL)
        point = [y.var, z.var, self.batch.var, row.var, integer(0), first + column.var]
        at = {axis.var: position for axis, position in zip(product.axes, point, strict=True)}
        writes = [
            replace(write, value=self.data.load(substitute(write.value, at)))
            for write in product.writes
        ]
        nest = make_nest(emitter, replace(product, writes=tuple(writes)))
        assert nest is not None
        (accumulator,) = nest.accumulators
        index = self.product.index(point[:-1], column.var)
        result = Result(self.product.flat, index, accumulator.value)
        nest = Nest((row, column), nest.reduced, (accumulator,), (result,))
        nest = nest.rewrite(emitter.resimplify)
        place = Place(quad.var * ROWS, ROWS, integer(0), PANEL)
        shape = Tile(ROWS, LANES, PANEL // LANES)
        return serial([y, z, quad], tile_block(emitter, nest, row, column, place, shape))

    def _finish(self, first: Any) -> tirx.Stmt:
        """Transform the products of a panel back, and store what follows from the results."""
        emitter, size, step = self.emitter, self.block.size, self.block.step
        result_rows, *_, last = self.function.stages[4:]
        tile = self._tile()
        half, lane = emitter.axis("half", PANEL // LANES), emitter.axis("lane", LANES)
        z, r = emitter.axis("z", size), emitter.axis("r", step)
        rows = Scratch.of(result_rows, size * step * LANES, (0, 0, 0, step * LANES, LANES))
        lanes = half.var * LANES + lane.var
        down = []
        for row in map(integer, range(step)):
            at = [self.batch.var, tile.number.var, integer(0), z.var, row]
            value = element(emitter, result_rows, [*at, lane.var], (self.product, lanes))
            down.append(rows.put(at, lane.var, lane, value))
        h = tile.down * step + r.var
        _, height, width, _ = (axis.extent for axis in last.axes)
        along = []
        for c in range(step):
            w = tile.across * step + c
            stored = self._store([self.batch.var, h, w, first + lanes], rows, lane)
            along.append(self._where(w < width, stored))
        stores = self._where(h < height, sequence(*along))
        body = sequence(serial([z], sequence(*down)), serial([r], stores))
        body = allocate([rows.flat], serial([half], body))
        return serial([tile.number], sequence(*tile.binds, body))

    def _store(self, point: Sequence[Any], rows: Scratch, lane: Axis) -> tirx.Stmt:
        """Compute a vector of the results, and what follows from it, and store that."""
        *inner, last = self.function.stages[5:]
        held = [rows]
        parts = []
        for stage in inner:
            value = element(self.emitter, stage, point, *[(scratch, lane.var) for scratch in held])
            held.append(Scratch.of(stage, LANES, (0, 0, 0)))
            parts.append(held[-1].put(point[:-1], lane.var, lane, value))
        value = element(self.emitter, last, point, *[(scratch, lane.var) for scratch in held])
        index = self.emitter.index(last.buffer, point)
        parts.append(vectorized(lane, store(self.emitter.storage[last.buffer].flat, index, value)))
        return allocate([scratch.flat for scratch in held[1:]], sequence(*parts))

    def _where(self, condition: Any, body: tirx.Stmt) -> tirx.Stmt:
        condition = self.emitter.simplify(condition)
        return body if constant(condition) == 1 else tirx.IfThenElse(condition, body, None)
