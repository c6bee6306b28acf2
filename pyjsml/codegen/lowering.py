"""Lowering: a scheduled function to a TIR function of plain addresses and numbers."""

from __future__ import annotations

import tvm
from tvm import ir, tirx

from pyjsml.kernels.math.lowering import lower_math
from pyjsml.kernels.scheduled import Scheduled


def lower(scheduled: Scheduled, *, shared: bool) -> tirx.PrimFunc:
    """Return the function of (addresses…, dims…, begin, end) that LLVM can be given.

    `shared` says that an output may lie where an input does, which LLVM must then reckon with.
    """
    pointers = [
        tirx.Var(buffer.name, ir.PointerType(buffer.ty.dtype)) for buffer in scheduled.params
    ]
    views = [
        tirx.DeclBuffer(buffer, data=pointer)
        for buffer, pointer in zip(scheduled.params, pointers, strict=True)
    ]
    # Without this LLVM must allow for negative indices, and can't fold offsets into loads.
    bounds = [
        tirx.Evaluate(tirx.assume(number >= 0)) for number in (*scheduled.dims, scheduled.begin)
    ]
    params = [*pointers, *scheduled.dims, scheduled.begin, scheduled.end]
    body = tirx.SeqStmt([*bounds, *scheduled.binds, *views, lower_math(scheduled.body)])
    func = tirx.PrimFunc(params, body)
    if not shared:
        func = func.with_attr("tirx.noalias", True)
    return _PASSES(tvm.IRModule({"kernel": func}))["kernel"]


_PASSES = tvm.ir.transform.Sequential(
    [
        tirx.transform.ConvertSSA(),
        tirx.transform.VectorizeLoop(),
        tirx.transform.UnrollLoop(),
        tirx.transform.StmtSimplify(),
        tirx.transform.RemoveNoOp(),
    ]
)
