"""What a function may call or hold that there is no code for in a bundle."""

from __future__ import annotations

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.math.functions import own_function, unsupported_math
from pyjsml.kernels.tir.expression import call_name, dtype

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
"""Intrinsics that call a function of TVM's own runtime or of a C library."""

NARROW = ("float16", "bfloat16", "float8")


def unsupported(func: tirx.PrimFunc) -> list[str]:
    """Return what keeps `func` from being compiled, each thing once, for people to read."""
    found: dict[str, None] = {}

    def call(node: ir.Call) -> None:
        if call_name(node) in FOREIGN and own_function(node) is None:
            found.setdefault(str(node.args[0].value))

    def variable(node: tirx.Var) -> None:
        if tirx.is_buffer_var(node) and dtype(node).startswith(NARROW):
            found.setdefault(f"arithmetic of {dtype(node)} (export the model in float32)")

    tvm_ffi.structural_walk(func.body, [(ir.Call, call), (tirx.Var, variable)])
    for name in unsupported_math(func.body):
        found.setdefault(name)
    return list(found)
