"""Conditions inside expressions: which there are, and what is left once they are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, is_if_then_else


def conditions(exprs: Sequence[Any]) -> list[Any]:
    """Return the conditions of every `if_then_else` in `exprs`."""
    found: list[Any] = []

    def visit(call: ir.Call) -> None:
        if is_if_then_else(call):
            found.append(call.args[0])

    for expr in exprs:
        tvm_ffi.structural_walk(expr, (ir.Call, visit))
    return found


def taken(expr: Any) -> Any:
    """Return `expr` where every condition of an `if_then_else` holds."""

    def visit(call: ir.Call, mutator: Any) -> Any:
        return (
            mutator.mutate(call.args[1]) if is_if_then_else(call) else mutator.default_mutate(call)
        )

    return tvm_ffi.structural_mutate(expr, [(ir.Call, visit)])


def settle(emitter: Emitter, expr: Any) -> Any:
    """Return `expr` without the choices whose condition is known, arithmetic as it is."""

    def choice(node: Any, mutator: Any, condition: Any, true: Any, false: Any) -> Any:
        known = constant(emitter.simplify(condition))
        if known is None:
            return mutator.default_mutate(node)
        return mutator.mutate(true if known else false)

    def select(node: tirx.Select, mutator: Any) -> Any:
        return choice(node, mutator, node.condition, node.true_value, node.false_value)

    def call(node: ir.Call, mutator: Any) -> Any:
        if not is_if_then_else(node):
            return mutator.default_mutate(node)
        return choice(node, mutator, *node.args)

    return tvm_ffi.structural_mutate(expr, [(tirx.Select, select), (ir.Call, call)])
