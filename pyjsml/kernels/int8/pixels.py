"""Pictures that change from planes of channels to pixels of four bytes."""

from __future__ import annotations

from itertools import product
from typing import Any

from tvm import tirx

from pyjsml.kernels.int8.dot import VECTOR, zipped
from pyjsml.kernels.loops.nest import Nest, steady, stride
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.tir.emit import Emitter, allocate, local, sequence, serial, store, vectorized
from pyjsml.kernels.tir.expression import constant, dtype, integer, substitute

CHANNELS = 4
CHUNK = 1024
"""Pixels that one slice of the parallel loop takes."""


def pixel_map(emitter: Emitter, nest: Nest) -> Tiled | None:
    """Return loops for a nest that reduces nothing and makes pixels of 4 bytes; None for others.

    A vector is 16 pixels of one channel; those of the channels are then interleaved.
    """
    if len(nest.axes) < 2 or len(nest.results) != 1:
        return None
    *outer, pixel, channel = nest.axes
    (result,) = nest.results
    steps = [stride(emitter, result.index, axis.var) for axis in (pixel, channel)]
    if constant(channel.extent) != CHANNELS or steps != [CHANNELS, 1]:
        return None
    numbers = [{channel.var: integer(number)} for number in range(CHANNELS)]
    channels = [emitter.simplify(substitute(result.value, number)) for number in numbers]
    kind = dtype(result.flat)
    if kind != "uint8" or not steady(emitter, channels, pixel.var):
        return None

    def at(value: Any, place: Any) -> Any:
        return emitter.resimplify(substitute(value, {pixel.var: place}))

    def index(place: Any) -> Any:
        return emitter.simplify(substitute(result.index, {pixel.var: place, **numbers[0]}))

    def vectors(first: Any) -> tirx.Stmt:
        planes = local("planes", kind, CHANNELS * VECTOR)
        lane = emitter.axis("lane", VECTOR)
        parts = [
            vectorized(lane, store(planes, number * VECTOR + lane.var, at(value, first + lane.var)))
            for number, value in enumerate(channels)
        ]
        red, green, blue, alpha = (
            tirx.BufferLoad(planes, [_vector(integer(number * VECTOR))])
            for number in range(CHANNELS)
        )
        left = [zipped(red, green, half, 1) for half in (0, 1)]
        right = [zipped(blue, alpha, half, 1) for half in (0, 1)]
        for number, (half, part) in enumerate(product((0, 1), (0, 1))):
            pixels = zipped(left[half], right[half], part, 2)
            place = _vector(index(first) + number * VECTOR)
            parts.append(
                tirx.BufferStore(result.flat, tirx.reinterpret("uint8x16", pixels), [place])
            )
        return allocate([planes], sequence(*parts))

    def single(place: Any) -> tirx.Stmt:
        values = [at(value, place) for value in channels]
        stores = [store(result.flat, index(place) + n, value) for n, value in enumerate(values)]
        return sequence(*stores)

    chunk = emitter.axis("chunk", tirx.floordiv(pixel.extent + (CHUNK - 1), CHUNK))
    start = chunk.var * CHUNK
    length = emitter.simplify(tirx.min(pixel.extent - start, CHUNK))
    i = emitter.axis("i", tirx.floordiv(length, VECTOR))
    rest = emitter.axis("rest", length - i.extent * VECTOR)
    body = sequence(
        serial([i], vectors(start + i.var * VECTOR)),
        serial([rest], single(start + i.extent * VECTOR + rest.var)),
    )
    return Tiled((*outer, chunk), body)


def _vector(first: Any) -> Any:
    return tirx.Ramp(first, integer(1), VECTOR)
