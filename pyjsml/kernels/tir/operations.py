"""How many operations on floats expressions and loops take; an intrinsic counts as one."""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.tir.expression import constant, dtype, is_if_then_else

ARITHMETIC = (
    tirx.Add,
    tirx.Sub,
    tirx.Mul,
    tirx.Div,
    tirx.Max,
    tirx.Min,
)


def operations(value: Any) -> int:
    """Count the operations that `value` takes, those of a selection's longer side."""
    count = 0

    def operation(node: Any, visitor: Any) -> None:
        nonlocal count
        count += dtype(node).startswith("float") and not is_if_then_else(node)
        visitor.default_visit(node)

    def select(node: tirx.Select, visitor: Any) -> None:
        nonlocal count
        count += max(operations(node.true_value), operations(node.false_value))
        visitor.visit(node.condition)

    tvm_ffi.structural_visit(value, [((*ARITHMETIC, ir.Call), operation), (tirx.Select, select)])
    return count


def loop_operations(body: Any) -> int:
    """Count the operations of loops, those of a longer branch; unknown lengths count as 1."""
    if isinstance(body, tirx.For):
        return (constant(body.extent) or 1) * loop_operations(body.body)
    if isinstance(body, tirx.SeqStmt):
        return sum(loop_operations(part) for part in body)
    if isinstance(body, tirx.IfThenElse):
        branches = [body.then_case, *([body.else_case] if body.else_case else [])]
        return max(loop_operations(branch) for branch in branches)
    return operations(body.value) if isinstance(body, tirx.BufferStore) else 0
