"""Several stages under common outer axes: softmax, normalisations, statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.emit import Emitter, allocate, flat_buffer, local, sequence, serial
from pyjsml.kernels.expression import constant, dtype, substitute
from pyjsml.kernels.loops import loops
from pyjsml.kernels.nest import make_nest
from pyjsml.kernels.stage import Axis, Stage, Stages, Write, reads, same_index
from pyjsml.kernels.tile import Tiled

STACK_ELEMENTS = 1024
"""A temporary of at most so many elements lies on the stack, whatever else would hold it."""

MAX_STACK_ELEMENTS = 8192
"""And one of at most so many, where no output can hold it."""


@dataclass(frozen=True)
class Rows:
    """The loops of several stages, and the temporaries that the caller must lend memory for."""

    loops: Tiled
    workspace: tuple[tirx.Var, ...]


def rows(emitter: Emitter, function: Stages) -> Rows:
    """Run the stages of `function` one after the other for each point of their common axes."""
    common = common_axes(emitter, function)
    prefix = function.stages[-1].axes[:common]
    stages = [_rebased(stage, prefix) for stage in function.stages]
    on_stack, workspace = _place(emitter, function, common)
    parts = []
    for stage in stages:
        nest = make_nest(emitter, stage)
        assert nest is not None
        inner = loops(emitter, replace(nest, axes=nest.axes[common:]))
        parts.append(serial(inner.parallel, inner.body))
    return Rows(Tiled(prefix, allocate(on_stack, sequence(*parts))), tuple(workspace))


def common_axes(emitter: Emitter, function: Stages) -> int:
    """Return how many leading axes all stages share: each point needs no other point's values."""
    written = {write.buffer for stage in function.stages for write in stage.writes}
    *_, last = function.stages
    count = 0
    for position, axis in enumerate(last.axes):
        for stage in function.stages:
            if position >= len(stage.axes):
                return count
            own = stage.axes[position]
            if not emitter.equal(own.extent, axis.extent):
                return count
            for load in reads(stage):
                if load.source in written and not _at_axis(load.indices, position, own):
                    return count
        count += 1
    return count


def _at_axis(indices: Any, position: int, axis: Axis) -> bool:
    if position >= len(indices):
        return False
    index = indices[position]
    return (isinstance(index, tirx.Var) and index.same_as(axis.var)) or (
        constant(axis.extent) == 1 and constant(index) == 0
    )


def _rebased(stage: Stage, prefix: tuple[Axis, ...]) -> Stage:
    variables = {own.var: common.var for own, common in zip(stage.axes, prefix, strict=False)}
    writes = tuple(
        Write(w.buffer, substitute(w.value, variables), _init(w.init, variables))
        for w in stage.writes
    )
    return replace(stage, axes=(*prefix, *stage.axes[len(prefix) :]), writes=writes)


def _init(init: Any, variables: dict[tirx.Var, Any]) -> Any:
    return None if init is None else substitute(init, variables)


def _place(
    emitter: Emitter, function: Stages, common: int
) -> tuple[list[tirx.Var], list[tirx.Var]]:
    """Find each temporary a place: the stack, an output of the same shape, or a workspace."""
    on_stack: list[tirx.Var] = []
    workspace: list[tirx.Var] = []
    taken: set[tirx.Var] = set()
    params = set(function.params)
    for stage in function.stages:
        for write in stage.writes:
            buffer = write.buffer
            if buffer in params:
                continue
            size = 1
            for extent in function.shape(buffer)[common:]:
                size *= constant(extent) or MAX_STACK_ELEMENTS + 1
            host = _host(emitter, function, stage, buffer, taken)
            if size <= STACK_ELEMENTS or (host is None and size <= MAX_STACK_ELEMENTS):
                flat = local(buffer.name, dtype(buffer), size)
                on_stack.append(flat)
                emitter.place(buffer, flat, dropped=common)
            elif host is not None:
                taken.add(host)
                emitter.place(buffer, emitter.storage[host].flat)
            else:
                flat = flat_buffer(buffer.name, dtype(buffer), emitter.size(buffer))
                workspace.append(flat)
                emitter.place(buffer, flat)
    return on_stack, workspace


def _host(
    emitter: Emitter, function: Stages, stage: Stage, buffer: tirx.Var, taken: set[tirx.Var]
) -> tirx.Var | None:
    """Return an output whose elements can hold those of `buffer` until they are overwritten."""
    *_, last = function.stages
    if last.reduced or len(last.writes) != 1 or last is stage or last.buffer in taken:
        return None
    host = last.buffer
    shapes = [function.shape(host), function.shape(buffer)]
    same = len(shapes[0]) == len(shapes[1]) and all(
        emitter.equal(a, b) for a, b in zip(*shapes, strict=True)
    )
    if not same or dtype(host) != dtype(buffer):
        return None
    for load in reads(last):
        if load.source.same_as(buffer) and not same_index(load.indices, last.axes):
            return None
    return host
