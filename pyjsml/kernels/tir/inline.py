"""Stages put into the stages that read them, where that saves memory and costs no arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.tir.expression import (
    call_name,
    constant,
    is_if_then_else,
    replace_loads,
    substitute,
    uses,
)
from pyjsml.kernels.tir.stage import Stage, Stages, Write, reads, same_index

CHEAP_CALLS = frozenset(
    {"if_then_else", "likely", "fabs", "floor", "ceil", "trunc", "sqrt", "isnan", "reinterpret"}
)
"""Intrinsics that cost an instruction or so, as against the dozens of an exponential."""


Judge = Callable[[Stage, list[Stage]], bool]
"""Tells whether a stage is better computed where its readers load it than once for all."""


def inline(function: Stages, worthwhile: Judge | None = None) -> Stages:
    """Put each element-wise stage into its readers where that is `worthwhile`.

    By default it is if an element is read once, or is cheap.
    """
    judge = worthwhile or _worthwhile
    kept: list[Stage] = []
    left = list(function.stages)
    outputs = set(function.outputs)
    while left:
        stage = left.pop(0)
        # Readers come later, and have by now taken in what came before this stage.
        readers = [other for other in left if loads_of(other, stage)]
        if (
            _is_inner(stage, outputs)
            and readers
            and not _ends_a_reduction(stage, kept, readers)
            and judge(stage, readers)
        ):
            left = [_put(stage, other) if loads_of(other, stage) else other for other in left]
        else:
            kept.append(stage)
    return function.with_stages(tuple(kept))


def _is_inner(stage: Stage, outputs: set[tirx.Var]) -> bool:
    return not stage.reduced and len(stage.writes) == 1 and stage.buffer not in outputs


def _ends_a_reduction(stage: Stage, earlier: list[Stage], readers: list[Stage]) -> bool:
    """Tell whether `stage` is what becomes of a reduction's results before others reduce it.

    It is then computed in the registers of the first, and read as often as it is wanted.
    """
    results = {write.buffer for other in earlier if other.reduced for write in other.writes}
    own = any(
        load.source in results and same_index(load.indices, stage.axes) for load in reads(stage)
    )
    return own and len(readers) > 1 and any(reader.reduced for reader in readers)


def is_cheap(value: Any) -> bool:
    """Tell whether computing `value` again costs about as much as loading it would."""

    def visit(call: ir.Call) -> Any:
        cheap = is_if_then_else(call) or call_name(call) in CHEAP_CALLS
        return None if cheap else tvm_ffi.VisitInterrupt(call)

    return tvm_ffi.structural_walk(value, (ir.Call, visit)) is None


def _worthwhile(producer: Stage, readers: list[Stage]) -> bool:
    if is_cheap(producer.writes[0].value):
        return True
    found = [load for reader in readers for load in loads_of(reader, producer)]
    if len(found) > 1:
        return False
    (load,) = found
    axes = [axis for axis in readers[0].axes if constant(axis.extent) != 1]
    # An axis that the load does not follow would compute the same element again and again.
    return all(uses(list(load.indices), [axis.var]) for axis in axes)


def loads_of(reader: Stage, producer: Stage) -> list[ir.TensorLoad]:
    """Return the loads of `reader` from what `producer` writes."""
    buffers = {write.buffer for write in producer.writes}
    return [load for load in reads(reader) if load.source in buffers]


def _put(producer: Stage, reader: Stage) -> Stage:
    def element(load: ir.TensorLoad, indices: list[Any]) -> Any:
        if not load.source.same_as(producer.buffer):
            return tirx.BufferLoad(load.source, indices)
        variables = {axis.var: index for axis, index in zip(producer.axes, indices, strict=True)}
        return substitute(producer.writes[0].value, variables)

    writes = tuple(
        Write(write.buffer, replace_loads(write.value, element), write.init)
        for write in reader.writes
    )
    return replace(reader, writes=writes)
