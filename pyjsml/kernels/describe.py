"""What the rest of the compiler knows of a kernel: its extent, its work, what it may overwrite."""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import tirx

from pyjsml.dims import Expr, product, term
from pyjsml.kernels.int8.dot import has_dots
from pyjsml.kernels.int8.int8 import GROUP
from pyjsml.kernels.loops.rows import common_axes
from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.kernels.tir.expression import dtype
from pyjsml.kernels.tir.operations import operations
from pyjsml.kernels.tir.stage import Stages, reads, same_index
from pyjsml.program import Kernel


def describe(name: str, scheduled: Scheduled) -> Kernel:
    """Return the kernel `name` whose loops are `scheduled`."""
    names = dim_names(scheduled)
    return Kernel(
        name=name,
        device="wasm",
        dims=tuple(names.values()),
        extent=to_expr(scheduled.extent, names),
        rounds=to_expr(scheduled.rounds, names),
        flops=_flops(scheduled, names),
        inplace=_inplace(scheduled),
        dots=has_dots(scheduled.body),
    )


def dim_names(scheduled: Scheduled) -> dict[tirx.Var, str]:
    """Return a name for each dim of a kernel, none of them twice."""
    names: dict[tirx.Var, str] = {}
    for dim in scheduled.dims:
        name, number = dim.name, 0
        while name in names.values():
            number += 1
            name = f"{dim.name}_{number}"
        names[dim] = name
    return names


def workspace_bytes(scheduled: Scheduled) -> list[Expr]:
    """Return the bytes of each buffer that a call borrows, over the kernel's dims."""
    names = dim_names(scheduled)
    return [to_expr(size, names) for size in scheduled.workspace]


def _flops(scheduled: Scheduled, names: dict[tirx.Var, str]) -> Expr:
    """Count the arithmetic of the stages in floats; an intrinsic counts as one.

    A lane adds up a group of products of bytes in the time of one product of floats, as which the
    group counts.
    """
    total = term("*", to_expr(scheduled.extent, names), scheduled.flops)
    for stage in scheduled.stages.stages if scheduled.stages is not None else ():
        extents = [to_expr(axis.extent, names) for axis in (*stage.axes, *stage.reduced)]
        each = sum(operations(write.value) for write in stage.writes)
        total = term("+", total, term("*", product(extents), each))
        if any(_multiplies_bytes(write.value) for write in stage.writes):
            total = term("+", total, term("//", term("*", product(extents), 2), GROUP))
    return total


def _multiplies_bytes(value: Any) -> bool:
    """Tell whether `value` has a product of bytes in it."""

    def visit(node: tirx.Mul) -> Any:
        sides = (node.a, node.b)
        casts = [dtype(side.value) for side in sides if isinstance(side, tirx.Cast)]
        bytes_ = len(casts) == 2 and {*casts} <= {"int8", "uint8"}
        return tvm_ffi.VisitInterrupt(node) if bytes_ else None

    return tvm_ffi.structural_walk(value, (tirx.Mul, visit)) is not None


def _inplace(scheduled: Scheduled) -> tuple[tuple[int, int], ...]:
    """Pair the inputs and outputs that may share a buffer: (index of input, index of output).

    An output may overwrite an input if each element is read no later than its own index is written.
    """
    function = scheduled.stages
    if function is None:
        return ()
    outputs = function.outputs
    inputs = [param for param in function.params if param not in outputs]
    return tuple(
        (inputs.index(source), outputs.index(result))
        for result in outputs
        for source in inputs
        if _may_overwrite(scheduled, function, source, result)
    )


def _may_overwrite(
    scheduled: Scheduled, function: Stages, source: tirx.Var, result: tirx.Var
) -> bool:
    if not _alike(function, source, result):
        return False
    overwriting = {result, *scheduled.guests}
    common = common_axes(Emitter(function), function)
    written = False
    for stage in function.stages:
        writes = any(write.buffer in overwriting for write in stage.writes)
        for load in (load for load in reads(stage) if load.source.same_as(source)):
            in_place = not stage.reduced and same_index(load.indices, stage.axes)
            if written:
                return False
            if in_place:
                continue
            # Another point of the common axes may by now have written what this one reads.
            elsewhere = not same_index(load.indices[:common], stage.axes[:common])
            if scheduled.interleaved or writes or elsewhere:
                return False
        written = written or writes
    return True


def _alike(function: Stages, left: tirx.Var, right: tirx.Var) -> bool:
    """Tell whether two buffers have the same extents and elements of the same dtype."""
    return dtype(left) == dtype(right) and tvm_ffi.structural_equal(
        function.shape(left), function.shape(right)
    )
