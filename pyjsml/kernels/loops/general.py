"""The fallback: any PrimFunc, with the loops that it came with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm
import tvm_ffi
from tvm import s_tir, tirx

from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.tir.expression import (
    INDEX,
    cast,
    constant,
    dtype,
    integer,
    item_bytes,
    narrow_index,
)
from pyjsml.kernels.tir.signature import symbolic_dims

MAX_STACK_BYTES = 32 * 1024
"""What the temporaries of a fallback kernel may take of the stack together."""


def general(func: tirx.PrimFunc) -> Scheduled:
    """Return `func` in its own loops as one indivisible slice."""
    func, lifted = _lift_temporaries(func)
    lowered = _PASSES(tvm.IRModule({"kernel": func}))["kernel"]
    originals = symbolic_dims(func)
    dims = tuple(tirx.Var(dim.name, INDEX) for dim in originals)
    begin, end = tirx.Var("begin", INDEX), tirx.Var("end", INDEX)
    stand_ins = dict(zip(originals, dims, strict=True))
    binds = [tirx.Bind(old, cast(new, dtype(old))) for old, new in stand_ins.items()]
    # Buffers of hand-written TIR may begin anywhere in their memory; ours begin at its start.
    offsets = [buffer.elem_offset for buffer in func.params if tirx.is_buffer_var(buffer)]
    binds += [tirx.Bind(o, tirx.const(0, dtype(o))) for o in offsets if isinstance(o, tirx.Var)]
    once = tirx.Var("once", INDEX)
    body = tirx.For(once, begin, end - begin, tirx.ForKind.SERIAL, _sequential(lowered.body))
    buffers = tuple(param for param in func.params if tirx.is_buffer_var(param))
    return Scheduled(
        params=buffers,
        workspace=tuple(_size(buffer, stand_ins) for buffer in lifted),
        dims=dims,
        begin=begin,
        end=end,
        extent=tirx.IntImm(INDEX, 1),
        body=body,
        binds=tuple(binds),
    )


def _sequential(body: Any) -> Any:
    """Return `body` without pragmas and parallel loops: a slice runs on one thread."""

    def loop(node: tirx.For, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        if node.kind != tirx.ForKind.PARALLEL:
            return node
        return tirx.For(node.loop_var, node.min, node.extent, tirx.ForKind.SERIAL, node.body)

    def scope(node: tirx.AttrStmt, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        return node.body if node.attr_key.startswith("pragma_") else node

    return tvm_ffi.structural_mutate(body, [(tirx.For, loop), (tirx.AttrStmt, scope)])


def _lift_temporaries(func: tirx.PrimFunc) -> tuple[tirx.PrimFunc, tuple[tirx.Var, ...]]:
    """Make params of the temporaries that do not fit on the stack."""
    if not isinstance(func.body, s_tir.SBlockRealize):
        return func, ()
    root = func.body.block
    left = MAX_STACK_BYTES
    kept, lifted = [], []
    for buffer in root.alloc_buffers:
        size = constant(_size(buffer, {}))
        if size is not None and size <= left:
            left -= size
            kept.append(buffer)
        else:
            lifted.append(buffer)
    if not lifted:
        return func, ()
    block = s_tir.SBlock(
        root.iter_vars,
        root.reads,
        root.writes,
        root.name_hint,
        root.body,
        init=root.init,
        alloc_buffers=kept,
        match_buffers=root.match_buffers,
        annotations=root.annotations,
    )
    body = s_tir.SBlockRealize([], tirx.const(True, "bool"), block)
    buffers = [param for param in func.params if tirx.is_buffer_var(param)]
    scalars = [param for param in func.params if not tirx.is_buffer_var(param)]
    params = [*buffers, *lifted, *scalars]
    return tirx.PrimFunc(params, body, func.ret_type, func.attrs), tuple(lifted)


def _size(buffer: tirx.Var, stand_ins: Mapping[tirx.Var, tirx.Var]) -> Any:
    """Return the bytes of `buffer` over 32-bit dims."""
    size: Any = integer(item_bytes(dtype(buffer)))
    for extent in buffer.shape:
        size = size * narrow_index(extent, stand_ins)
    return size


_PASSES: Any = tvm.ir.transform.Sequential(
    [
        s_tir.transform.CanonicalizeLoop(),
        s_tir.transform.LowerInitBlock(),
        s_tir.transform.PlanAndUpdateBufferAllocationLocation(),
        s_tir.transform.ConvertBlocksToOpaque(),
        s_tir.transform.CompactBufferAllocation(),
        s_tir.transform.LowerMatchBuffer(),
        s_tir.transform.StmtSimplify(),
        s_tir.transform.LowerOpaqueBlock(),
        tirx.transform.FlattenBuffer(),
        tirx.transform.NarrowDataType(32),
    ]
)
