"""Element-wise nests: a vector along the last axis, whatever is left over one by one."""

from __future__ import annotations

from tvm import tirx

from pyjsml.kernels.emit import Emitter, sequence, serial, store, vectorized
from pyjsml.kernels.expression import constant, integer, substitute
from pyjsml.kernels.nest import Nest, steady, stride
from pyjsml.kernels.stage import Axis
from pyjsml.kernels.tile import Tiled

CHUNK = 1024
"""Elements of a one-dimensional nest that one slice of its parallel loop takes at least."""


def map_elements(emitter: Emitter, nest: Nest, width: int) -> Tiled:
    """Compute `nest`, which reduces nothing, by vectors of `width` elements where there are any."""
    if not nest.axes:
        return Tiled((), _element(emitter, nest))
    *outer, last = nest.axes
    vector = width > 1 and _contiguous(emitter, nest, last)
    if outer:
        return Tiled(tuple(outer), _run(emitter, nest, last, integer(0), last.extent, vector, width))
    size = constant(last.extent)
    if size is not None and size <= CHUNK:
        return Tiled((), _run(emitter, nest, last, integer(0), last.extent, vector, width))
    chunk = emitter.axis("chunk", tirx.floordiv(last.extent + (CHUNK - 1), CHUNK))
    start = chunk.var * CHUNK
    if size is not None and size % CHUNK == 0:
        length = integer(CHUNK)
    else:
        length = tirx.min(last.extent - start, CHUNK)
    return Tiled((chunk,), _run(emitter, nest, last, start, length, vector, width))


def _contiguous(emitter: Emitter, nest: Nest, axis: Axis) -> bool:
    return steady(emitter, nest.values, axis.var) and all(
        stride(emitter, result.index, axis.var) == 1 for result in nest.results
    )


def _run(emitter: Emitter, nest: Nest, axis: Axis, start, length, vector: bool, width: int):
    """Compute `length` elements along `axis` from `start` on."""
    parts = []
    done = integer(0)
    size = constant(emitter.simplify(length))
    for step in [width, 4, 1] if vector and width > 4 else [width, 1] if vector else [1]:
        left = length - done if size is None else integer(size - int(done))
        count = emitter.simplify(tirx.floordiv(left, step))
        if constant(count) == 0:
            continue
        loop = emitter.axis("i", count)
        lane = emitter.axis("lane", step)
        at = {axis.var: start + done + loop.var * step + lane.var}
        body = _element(emitter, nest.rewrite(lambda e, at=at: emitter.resimplify(substitute(e, at))))
        body = substitute(body, {lane.var: integer(0)}) if step == 1 else vectorized(lane, body)
        parts.append(serial([loop], body))
        done = emitter.simplify(done + count * step)
    return sequence(*parts) if parts else tirx.Evaluate(integer(0))


def _element(emitter: Emitter, nest: Nest) -> tirx.Stmt:
    return sequence(*[store(r.flat, emitter.simplify(r.index), r.value) for r in nest.results])
