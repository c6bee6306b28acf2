"""Reductions along a contiguous axis: vector accumulators, folded to one element at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.nest import Accumulator, Nest, steady
from pyjsml.kernels.loops.registers import Registers, combiner, reduction
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.tir.emit import Emitter, allocate, local, sequence, serial, store, vectorized
from pyjsml.kernels.tir.expression import constant, dtype, integer, substitute
from pyjsml.kernels.tir.stage import Axis


def horizontal(nest: Nest) -> bool:
    """Tell whether every accumulator of `nest` may be split into partial results."""
    return bool(nest.accumulators) and all(combiner(a) is not None for a in nest.accumulators)


def can_reduce_lanes(emitter: Emitter, nest: Nest) -> bool:
    """Tell whether the innermost reduced axis of `nest` can run along the lanes of a vector."""
    return (
        bool(nest.reduced) and horizontal(nest) and steady(emitter, nest.body, nest.reduced[-1].var)
    )


def reduce_lanes(emitter: Emitter, nest: Nest, lanes: int, vectors: int) -> Tiled:
    """Reduce `nest` along its innermost reduced axis by `vectors` vectors of `lanes` elements."""
    *outer, axis = nest.reduced
    registers = Registers.of(nest, 1)
    zero = integer(0)
    parts = [*registers.inits(nest, zero)]
    buffers = [*registers.all]
    done: Any = zero
    for width in sorted({lanes * vectors, lanes}, reverse=True):
        left = axis.extent - done
        count = emitter.simplify(tirx.floordiv(left, width))
        if constant(count) == 0:
            continue
        partial = [local(f"{a.value.name}_lanes", dtype(a.value), width) for a in nest.accumulators]
        buffers += partial
        parts += _lanes(emitter, nest, outer, axis, done, count, width, partial)
        parts += [
            _fold(a, buffer, register, width, lanes)
            for a, buffer, register in zip(
                nest.accumulators, partial, registers.buffers, strict=True
            )
        ]
        done = emitter.simplify(done + count * width)
    rest = emitter.simplify(axis.extent - done)
    if constant(rest) != 0:
        k = emitter.axis("k", rest)
        at = {axis.var: done + k.var}
        tail = nest.rewrite(lambda e: emitter.resimplify(substitute(e, at)))
        parts.append(serial([*outer, k], sequence(*registers.updates(tail, zero))))
    parts.append(_ends(emitter, nest, registers))
    return Tiled(nest.axes, allocate(buffers, sequence(*parts)))


def reduce_points(emitter: Emitter, nest: Nest, unroll: int = 1) -> Tiled:
    """Reduce `nest` one point at a time: for reductions whose order matters, and small ones."""
    registers = Registers.of(nest, 1)
    zero = integer(0)
    parts = [
        *registers.inits(nest, zero),
        reduction(nest.reduced, sequence(*registers.updates(nest, zero)), unroll),
        _ends(emitter, nest, registers),
    ]
    return Tiled(nest.axes, allocate(registers.all, sequence(*parts)))


def _ends(emitter: Emitter, nest: Nest, registers: Registers) -> tirx.Stmt:
    held = registers.held(integer(0))
    return sequence(
        *[store(r.flat, emitter.simplify(r.index), substitute(r.value, held)) for r in nest.results]
    )


def _lanes(
    emitter: Emitter,
    nest: Nest,
    outer: Sequence[Axis],
    axis: Axis,
    start: Any,
    count: Any,
    width: int,
    partial: Sequence[tirx.Var],
) -> list[tirx.Stmt]:
    """Reduce `count` vectors of `width` elements along `axis` from `start` on into `partial`."""
    k = emitter.axis("k", count)
    lane = emitter.axis("lane", width)
    at = {axis.var: start + k.var * width + lane.var}
    inner = nest.rewrite(lambda e: emitter.resimplify(substitute(e, at)))
    registers = Registers(tuple(a.value for a in nest.accumulators), tuple(partial), ())
    inits = [vectorized(lane, s) for s in registers.inits(inner, lane.var)]
    updates = [vectorized(lane, s) for s in registers.updates(inner, lane.var)]
    return [*inits, serial([*outer, k], sequence(*updates))]


def _fold(
    accumulator: Accumulator, partial: tirx.Var, into: tirx.Var, width: int, lanes: int
) -> tirx.Stmt:
    """Combine the lanes of `partial` into element 0 of `into`, halves first."""
    combine = combiner(accumulator)
    assert combine is not None
    parts = []
    while width > 1:
        width //= 2
        lane = Axis(tirx.Var("lane", "int32"), integer(width))
        both = combine(
            tirx.BufferLoad(partial, [lane.var]), tirx.BufferLoad(partial, [lane.var + width])
        )
        fold = tirx.BufferStore(partial, both, [lane.var])
        parts.append(
            vectorized(lane, fold) if width > 1 else substitute(fold, {lane.var: integer(0)})
        )
    zero = integer(0)
    both = combine(tirx.BufferLoad(into, [zero]), tirx.BufferLoad(partial, [zero]))
    return sequence(*parts, tirx.BufferStore(into, both, [zero]))
