"""Stages put into the stages that read them, where that saves memory and costs no arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tvm import ir

from pyjsml.kernels.expression import call_name, constant, is_if_then_else, replace_loads, substitute
from pyjsml.kernels.stage import Stage, Stages, Write, reads

CHEAP_CALLS = frozenset({"if_then_else", "likely", "fabs", "floor", "ceil", "trunc", "sqrt", "isnan"})
"""Intrinsics that cost an instruction or so, as against the dozens of an exponential."""


def inline(function: Stages) -> Stages:
    """Put each element-wise stage into its readers, if it is read once per element or is cheap."""
    stages = list(function.stages)
    outputs = set(function.outputs)
    # A stage that took in an earlier one is another object than `function` has, at the same place.
    for original in function.stages:
        position = next(n for n, s in enumerate(stages) if s.writes[0].buffer is original.writes[0].buffer)
        producer = stages[position]
        if producer.reduced or len(producer.writes) != 1 or producer.buffer in outputs:
            continue
        count = [_count(stage, producer) for stage in stages]
        readers = [stage for stage, reads_ in zip(stages, count, strict=True) if reads_ > 0]
        if not readers or not _worthwhile(producer, readers):
            continue
        stages = [
            _put(producer, stage) if reads_ > 0 else stage
            for stage, reads_ in zip(stages, count, strict=True)
        ]
        del stages[position]
    return function.with_stages(tuple(stages))


def _worthwhile(producer: Stage, readers: list[Stage]) -> bool:
    if is_cheap(producer.writes[0].value):
        return True
    if len(readers) > 1 or _count(readers[0], producer) > 1:
        return False
    (reader,) = readers
    if not reader.reduced:
        return _points(reader) == _points(producer)
    # A reduction reads each element once where it has no further axes of its own.
    return not _repeats(reader, producer)


def is_cheap(value: Any) -> bool:
    """Tell whether computing `value` again costs about as much as loading it would."""
    cheap = True

    def visit(call: ir.Call) -> None:
        nonlocal cheap
        cheap = cheap and (is_if_then_else(call) or call_name(call) in CHEAP_CALLS)

    import tvm_ffi

    tvm_ffi.structural_walk(value, (ir.Call, visit))
    return cheap


def _points(stage: Stage) -> int | None:
    total = 1
    for axis in stage.axes:
        size = constant(axis.extent)
        if size is None:
            return None
        total *= size
    return total


def _repeats(reader: Stage, producer: Stage) -> bool:
    load = next(load for load in reads(reader) if load.source.same_as(producer.buffer))
    from pyjsml.kernels.expression import uses

    return not all(uses(list(load.indices), [axis.var]) for axis in reader.axes)


def _count(reader: Stage, producer: Stage) -> int:
    return sum(load.source.same_as(producer.buffer) for load in reads(reader))


def _put(producer: Stage, reader: Stage) -> Stage:
    def element(load: ir.TensorLoad, indices: list[Any]) -> Any:
        if not load.source.same_as(producer.buffer):
            from tvm import tirx

            return tirx.BufferLoad(load.source, indices)
        variables = {axis.var: index for axis, index in zip(producer.axes, indices, strict=True)}
        return substitute(producer.writes[0].value, variables)

    return replace(
        reader,
        writes=tuple(
            Write(write.buffer, replace_loads(write.value, element), write.init)
            for write in reader.writes
        ),
    )
