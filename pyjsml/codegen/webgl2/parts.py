"""Expressions that read more tensors than a draw can: parts of them are drawn before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.tir.expression import loads, uses

MOST_INPUTS = 16
"""How many textures every WebGL2 context lets a fragment shader read."""


def sources(exprs: Iterable[Any]) -> list[tirx.Var]:
    """Return the tensors that `exprs` read, each once."""
    return list(dict.fromkeys(load.source for expr in exprs for load in loads(expr)))


def separable(expr: Any, own: Iterable[tirx.Var]) -> Any:
    """Return the part of `expr` that reads the most tensors that one draw can; None if none does.

    A part that is drawn by itself must not use variables of its surroundings, such as `own`.
    """
    inner = list(own)
    tvm_ffi.structural_walk(expr, (tirx.Let, lambda node: inner.append(node.var)))
    best: Any = None
    most = 1

    def visit(node: Any) -> None:
        nonlocal best, most
        count = len(sources([node]))
        if most < count <= MOST_INPUTS and not uses(node, inner):
            best, most = node, count

    tvm_ffi.structural_walk(expr, (ir.Expr, visit))
    return best


def replaced(expr: Any, part: Any, by: Any) -> Any:
    """Return `expr` with `by` wherever it has `part`."""

    def visit(node: Any, mutator: Any) -> Any:
        return by if node.same_as(part) else mutator.default_mutate(node)

    return tvm_ffi.structural_mutate(expr, [(ir.Expr, visit)])
