"""Several stages under common outer axes: softmax, normalisations, statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.emit import Emitter, allocate, flat_buffer, local, sequence, serial
from pyjsml.kernels.expression import constant, dtype, item_bytes, substitute, uses
from pyjsml.kernels.loops import loops
from pyjsml.kernels.nest import make_nest
from pyjsml.kernels.stage import Axis, Stage, Stages, Write, reads, same_index
from pyjsml.kernels.tile import Tiled

STACK_BYTES = 4 * 1024
"""A temporary of at most so many bytes lies on the stack, whatever else would hold it."""

MAX_STACK_BYTES = 64 * 1024
"""What the temporaries of a kernel that nothing else can hold may take of the stack together."""


@dataclass(frozen=True)
class Places:
    """Where the temporaries of several stages lie.

    Those of `stack` are local to a point of the common axes; the caller lends memory for those of
    `workspace`; `guests` lie in the output until it is written.
    """

    stack: tuple[tirx.Var, ...]
    workspace: tuple[tirx.Var, ...]
    guests: tuple[tirx.Var, ...]


def rows(emitter: Emitter, function: Stages) -> tuple[Tiled, Places]:
    """Run the stages of `function` one after the other for each point of their common axes."""
    common = common_axes(emitter, function)
    prefix = function.stages[-1].axes[:common]
    stages = [_rebased(stage, prefix) for stage in function.stages]
    places = _place(emitter, function, common)
    parts = []
    for stage in stages:
        nest = make_nest(emitter, stage)
        assert nest is not None
        inner = loops(emitter, replace(nest, axes=nest.axes[common:]))
        parts.append(serial(inner.parallel, inner.body))
    return Tiled(prefix, allocate(places.stack, sequence(*parts))), places


def common_axes(emitter: Emitter, function: Stages) -> int:
    """Return how many leading axes all stages share: each point needs no other point's values."""
    written = {write.buffer for stage in function.stages for write in stage.writes}
    *_, last = function.stages
    for position, axis in enumerate(last.axes[: _most_common(function)]):
        for stage in function.stages:
            if position >= len(stage.axes):
                return position
            own = stage.axes[position]
            if not emitter.equal(own.extent, axis.extent):
                return position
            for load in reads(stage):
                if load.source in written and not _at_axis(load.indices, position, own):
                    return position
    return len(last.axes[: _most_common(function)])


def _most_common(function: Stages) -> int:
    """Return how many axes may be common without breaking up a row that makes a vector."""
    most = len(function.stages[-1].axes)
    for stage in function.stages:
        if not stage.axes:
            continue
        row = stage.axes[-1].var
        whole = not any(other.reduced for other in function.stages)
        if whole or (stage.reduced and _steps_along(stage, row)):
            most = min(most, len(stage.axes) - 1)
    return most


def _steps_along(stage: Stage, row: tirx.Var) -> bool:
    return any(load.indices and uses(load.indices[-1], [row]) for load in reads(stage))


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


def _place(emitter: Emitter, function: Stages, common: int) -> Places:
    """Find each temporary a place: the stack, the output if it has its shape, or a workspace."""
    stack: list[tirx.Var] = []
    workspace: list[tirx.Var] = []
    guests: list[tirx.Var] = []
    left = MAX_STACK_BYTES
    params = set(function.params)
    for stage in function.stages:
        for buffer in (write.buffer for write in stage.writes):
            if buffer in params:
                continue
            size = _local_size(function, buffer, common)
            cost = None if size is None else size * item_bytes(dtype(buffer))
            host = None if guests else _host(emitter, function, stage, buffer)
            if cost is not None and cost <= (STACK_BYTES if host is not None else left):
                left -= cost
                stack.append(local(buffer.name, dtype(buffer), size or 0))
                emitter.place(buffer, stack[-1], dropped=common)
            elif host is not None:
                guests.append(buffer)
                emitter.place(buffer, emitter.storage[host].flat)
            else:
                workspace.append(flat_buffer(buffer.name, dtype(buffer), emitter.size(buffer)))
                emitter.place(buffer, workspace[-1])
    return Places(tuple(stack), tuple(workspace), tuple(guests))


def _local_size(function: Stages, buffer: tirx.Var, common: int) -> int | None:
    """Return the elements of `buffer` at a point of the common axes; None if that varies."""
    size = 1
    for extent in function.shape(buffer)[common:]:
        length = constant(extent)
        if length is None:
            return None
        size *= length
    return size


def _host(emitter: Emitter, function: Stages, stage: Stage, buffer: tirx.Var) -> tirx.Var | None:
    """Return an output whose elements can hold those of `buffer` until they are overwritten."""
    *_, last = function.stages
    if last.reduced or len(last.writes) != 1 or last is stage:
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
