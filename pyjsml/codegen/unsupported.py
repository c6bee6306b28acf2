"""Calls that have no code in a bundle."""

from __future__ import annotations

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.expression import call_name

FOREIGN = frozenset(
    {
        "call_packed",
        "call_packed_lowered",
        "call_cpacked",
        "call_extern",
        "call_pure_extern",
        "tvm_call_packed",
        "tvm_call_cpacked",
    }
)


def foreign_calls(func: tirx.PrimFunc) -> list[str]:
    """Return the names of the functions of TVM's own runtime that `func` calls, each once."""
    found: dict[str, None] = {}

    def visit(call: ir.Call) -> None:
        if call_name(call) in FOREIGN:
            found.setdefault(str(call.args[0].value))

    tvm_ffi.structural_walk(func.body, (ir.Call, visit))
    return list(found)
