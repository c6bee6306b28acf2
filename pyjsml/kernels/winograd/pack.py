"""The loops that transform a weight for Winograd's convolution, a vector of channels at a time."""

from __future__ import annotations

from tvm import tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.tir.emit import Emitter, allocate, sequence, serial, store, vectorized
from pyjsml.kernels.tir.expression import constant, integer
from pyjsml.kernels.tir.scratch import Scratch, element
from pyjsml.kernels.tir.stage import Stages
from pyjsml.kernels.winograd.transforms import TAPS

NAMES = ("winograd_weight_rows", "pack_winograd")
"""The stages of `pack_winograd`, in order."""


def winograd_pack(function: Stages) -> tuple[Emitter, Stages, Tiled] | None:
    """Return the transform of a weight, and its loops; None if `function` is no such thing.

    The rows of taps are written one after the other: all at once are more streams, at distances
    that are often powers of two, than a first-level cache has ways.
    """
    if tuple(stage.name for stage in function.stages) != NAMES:
        return None
    emitter = Emitter(function)
    rows, pack = function.stages
    panel, channel = (emitter.axis(axis.var.name, axis.extent) for axis in rows.axes[:2])
    size = constant(rows.axes[2].extent) or 0
    half, lane = emitter.axis("half", PANEL // LANES), emitter.axis("lane", LANES)
    column = half.var * LANES + lane.var
    held = Scratch.of(rows, TAPS * LANES, (0, 0, 0, LANES))
    parts: list[tirx.Stmt] = []
    for y in map(integer, range(size)):
        body = []
        for b in map(integer, range(TAPS)):
            point = [panel.var, channel.var, y, b]
            value = element(emitter, rows, [*point, column])
            body.append(held.put(point, lane.var, lane, value))
        for z in map(integer, range(size)):
            point = [panel.var, y, z, channel.var, column]
            value = element(emitter, pack, point, (held, lane.var))
            flat = emitter.storage[pack.buffer].flat
            body.append(vectorized(lane, store(flat, emitter.index(pack.buffer, point), value)))
        parts.append(serial([channel, half], sequence(*body)))
    return emitter, function, Tiled((panel,), allocate([held.flat], sequence(*parts)))
