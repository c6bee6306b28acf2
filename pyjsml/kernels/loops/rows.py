"""Several stages under common outer axes: softmax, normalisations, statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.blocks import Block, cut_rows
from pyjsml.kernels.loops.loops import loops
from pyjsml.kernels.loops.nest import make_nest
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.tir.emit import Emitter, allocate, flat_buffer, local, sequence, serial
from pyjsml.kernels.tir.expression import constant, dtype, item_bytes, substitute, uses
from pyjsml.kernels.tir.stage import Axis, Stage, Stages, Write, reads, same_index

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
    """Run the stages of `function` one after the other for each point of their common axes.

    Where there are products among them, they run for a block of points instead.
    """
    common = common_axes(emitter, function)
    prefix = function.stages[-1].axes[:common]
    groups = group_stages(emitter, function)
    held = [write.buffer for group in groups for write in group[-1].writes]
    row_bytes = sum(_local_bytes(function, buffer, common) or 0 for buffer in held)
    block = cut_rows(emitter, function, common, row_bytes)
    places = _place(emitter, function, held, common, block)
    parts = []
    for group in groups:
        stage, *epilogue = [_rebased(stage, prefix) for stage in group]
        nest = make_nest(emitter, stage, epilogue)
        assert nest is not None
        nest = replace(nest, axes=nest.axes[common:])
        if block is not None:
            at = {prefix[block.position].var: block.first + block.inner.var}
            nest = nest.rewrite(lambda e, at=at: emitter.resimplify(substitute(e, at)))
            nest = replace(nest, axes=(block.inner, *nest.axes))
        inner = loops(emitter, nest)
        parts.append(serial(inner.parallel, inner.body))
    outer = list(prefix)
    if block is not None:
        del outer[block.position]
        outer.append(block.outer)
    return Tiled(tuple(outer), allocate(places.stack, sequence(*parts))), places


def group_stages(emitter: Emitter, function: Stages) -> list[list[Stage]]:
    """Put each reduction with the one stage that reads it, if that needs nothing but its point."""
    groups: list[list[Stage]] = []
    for stage in function.stages:
        hosts = [group for group in groups if _is_epilogue(emitter, function, group, stage)]
        for host in hosts:
            groups.remove(host)
        groups.append([*hosts[0], stage] if len(hosts) == 1 else [stage])
        if len(hosts) > 1:
            groups[-1:-1] = hosts
    return groups


def _is_epilogue(emitter: Emitter, function: Stages, group: list[Stage], stage: Stage) -> bool:
    (*before, first) = group
    if before or not first.reduced or stage.reduced or len(first.axes) != len(stage.axes):
        return False
    if not all(
        emitter.equal(a.extent, b.extent) for a, b in zip(first.axes, stage.axes, strict=True)
    ):
        return False
    own = {write.buffer for write in first.writes}
    readers = [other for other in function.stages if any(r.source in own for r in reads(other))]
    return readers == [stage] and all(
        same_index(load.indices, stage.axes) for load in reads(stage) if load.source in own
    )


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


def _place(
    emitter: Emitter, function: Stages, held: list[tirx.Var], common: int, block: Block | None
) -> Places:
    """Find each temporary a place: the stack, the output if it has its shape, or a workspace."""
    stack: list[tirx.Var] = []
    workspace: list[tirx.Var] = []
    guests: list[tirx.Var] = []
    left = MAX_STACK_BYTES
    params = set(function.params)
    for stage in function.stages:
        for buffer in (write.buffer for write in stage.writes):
            if buffer in params or buffer not in held:
                continue
            cost = _local_bytes(function, buffer, common)
            if cost is not None and block is not None:
                cost *= block.size
            host = None if guests else _host(emitter, function, stage, buffer)
            if cost is not None and cost <= (STACK_BYTES if host is not None else left):
                left -= cost
                stack.append(local(buffer.name, dtype(buffer), cost // item_bytes(dtype(buffer))))
                kept = None if block is None else (block.position, block.first)
                emitter.place(buffer, stack[-1], dropped=common, block=kept)
            elif host is not None:
                guests.append(buffer)
                emitter.place(buffer, emitter.storage[host].flat)
            else:
                workspace.append(flat_buffer(buffer.name, dtype(buffer), emitter.size(buffer)))
                emitter.place(buffer, workspace[-1])
    return Places(tuple(stack), tuple(workspace), tuple(guests))


def _local_bytes(function: Stages, buffer: tirx.Var, common: int) -> int | None:
    """Return the bytes of `buffer` at a point of the common axes; None if that varies."""
    size = item_bytes(dtype(buffer))
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
