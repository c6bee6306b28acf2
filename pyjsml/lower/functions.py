"""One function for all ops that compute the same, under a short name that says what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import tvm
import tvm_ffi

from pyjsml.program import Block, Graph


def unique_functions(
    graph: Graph, called: Mapping[str, tvm.tirx.PrimFunc]
) -> tuple[Graph, dict[str, tvm.tirx.PrimFunc]]:
    """Name the functions `conv2d_0`, `conv2d_1`, … by the kind of the first op that calls each.

    `called` holds the functions under the names that the ops of `graph` call them by so far.
    """
    functions: dict[str, tvm.tirx.PrimFunc] = {}
    known: dict[int, list[str]] = {}
    counts: dict[str, int] = {}
    renamed: dict[str, str] = {}

    def name_of(kind: str, function: tvm.tirx.PrimFunc) -> str:
        alike = known.setdefault(tvm_ffi.structural_hash(function), [])
        for name in alike:
            if tvm_ffi.structural_equal(functions[name], function):
                return name
        name = f"{kind}_{counts.get(kind, 0)}"
        counts[kind] = counts.get(kind, 0) + 1
        functions[name] = function
        alike.append(name)
        return name

    def rename(block: Block) -> Block:
        ops = []
        for op in block.ops:
            if op.kernel and op.kernel not in renamed:
                renamed[op.kernel] = name_of(op.kind, called[op.kernel])
            ops.append(replace(op, kernel=renamed.get(op.kernel, "")))
        return replace(block, ops=tuple(ops))

    return replace(graph, load=rename(graph.load), main=rename(graph.main)), functions
