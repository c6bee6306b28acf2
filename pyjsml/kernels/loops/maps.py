"""Element-wise nests: a vector along the last axis, whatever is left over one by one."""

from __future__ import annotations

from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.nest import Nest, steady, stride
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.tir.emit import Emitter, sequence, serial, store, vectorized
from pyjsml.kernels.tir.expression import constant, edges, integer, substitute
from pyjsml.kernels.tir.stage import Axis

MAX_SEGMENTS = 6
"""Parts that an axis is cut into at most; each is code of its own."""

CHUNK = 1024
"""Elements of a one-dimensional nest that one slice of its parallel loop takes."""


def map_elements(emitter: Emitter, nest: Nest, width: int) -> Tiled:
    """Compute `nest`, which reduces nothing, by vectors of `width` elements where there are any."""
    if not nest.axes:
        return Tiled((), _element(emitter, nest))
    *outer, last = nest.axes
    size = constant(last.extent)
    if outer or (size is not None and size <= CHUNK):
        return Tiled(tuple(outer), sequence(*_segments(emitter, nest, last, width)))
    steps = (width, 1) if _contiguous(emitter, nest, last) else (1,)
    chunk = emitter.axis("chunk", tirx.floordiv(last.extent + (CHUNK - 1), CHUNK))
    start = chunk.var * CHUNK
    whole = size is not None and size % CHUNK == 0
    length = integer(CHUNK) if whole else tirx.min(last.extent - start, CHUNK)
    return Tiled((chunk,), _run(emitter, nest, last, start, length, steps))


def _segments(emitter: Emitter, nest: Nest, axis: Axis, width: int) -> list[tirx.Stmt]:
    """Compute all of `axis`, in parts wherever a condition on it changes: no part has to ask."""
    size = constant(axis.extent)
    bounds = [0] if size is None else edges(nest.values, axis.var, size)
    if size is None or len(bounds) > MAX_SEGMENTS + 1:
        bounds = [0]
    parts = []
    for number, start in enumerate(bounds[:-1] or [0]):
        extent = axis.extent if len(bounds) == 1 else bounds[number + 1] - start
        inner = emitter.axis(axis.var.name, extent)
        part = nest.rewrite(
            lambda expr, at=inner.var + start: emitter.simplify(substitute(expr, {axis.var: at}))
        )
        steps = (width, 1) if _contiguous(emitter, part, inner) else (1,)
        parts.append(_run(emitter, part, inner, integer(0), inner.extent, steps))
    return parts


def _contiguous(emitter: Emitter, nest: Nest, axis: Axis) -> bool:
    return steady(emitter, nest.values, axis.var) and all(
        stride(emitter, result.index, axis.var) == 1 for result in nest.results
    )


def _run(
    emitter: Emitter, nest: Nest, axis: Axis, start: Any, length: Any, steps: tuple[int, ...]
) -> tirx.Stmt:
    """Compute `length` elements along `axis` from `start` on, in steps of falling width."""
    parts = []
    done: Any = integer(0)
    for step in steps:
        count = emitter.simplify(tirx.floordiv(length - done, step))
        if constant(count) == 0:
            continue
        loop = emitter.axis("i", count)
        lane = emitter.axis("lane", step)
        at = {axis.var: start + done + loop.var * step + lane.var}
        body = _element(emitter, _at(emitter, nest, at))
        body = vectorized(lane, body) if step > 1 else substitute(body, {lane.var: integer(0)})
        parts.append(serial([loop], body))
        done = emitter.simplify(done + count * step)
    return sequence(*parts) if parts else tirx.Evaluate(integer(0))


def _at(emitter: Emitter, nest: Nest, at: dict[tirx.Var, Any]) -> Nest:
    return nest.rewrite(lambda expr: emitter.resimplify(substitute(expr, at)))


def _element(emitter: Emitter, nest: Nest) -> tirx.Stmt:
    return sequence(*[store(r.flat, emitter.simplify(r.index), r.value) for r in nest.results])
