"""Questions about TIR expressions, and rewrites of them, that every schedule needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tvm_ffi
from tvm import ir, sym, tirx

INDEX = "int32"
"""The dtype of all index arithmetic: an address of wasm32 has 32 bits."""

Compare = (tirx.LT, tirx.LE, tirx.GT, tirx.GE, tirx.EQ, tirx.NE)
Arithmetic = (
    tirx.Add,
    tirx.Sub,
    tirx.Mul,
    tirx.FloorDiv,
    tirx.FloorMod,
    tirx.Div,
    tirx.Mod,
    tirx.Min,
    tirx.Max,
)


def dtype(expr: Any) -> str:
    """Return the dtype of an expression, or of a buffer's elements, by its TVM name."""
    kind = expr.ty
    return str(kind.dtype if hasattr(kind, "shape") else kind)


def item_bytes(kind: str) -> int:
    """Return how many bytes an element of dtype `kind` takes; a bool takes one."""
    bits = "".join(character for character in kind if character.isdigit())
    return max(int(bits or 8) // 8, 1)


def integer(value: int) -> tirx.IntImm:
    """Return `value` as a constant of index arithmetic."""
    return tirx.IntImm(INDEX, value)


def constant(expr: Any) -> int | None:
    """Return the value of an integer constant, and None for anything else."""
    return int(expr) if isinstance(expr, tirx.IntImm) else None


def is_if_then_else(expr: Any) -> bool:
    """Tell whether `expr` is the conditional that evaluates only one of its branches."""
    return isinstance(expr, ir.Call) and call_name(expr) == "if_then_else"


def call_name(call: ir.Call) -> str:
    """Return the name of the intrinsic that is called, without its namespace."""
    return str(getattr(call.op, "name", "")).rpartition(".")[2]


def loads(expr: Any) -> list[ir.TensorLoad]:
    """Return the buffer loads in `expr`, each as often as it occurs, inner ones first."""
    found: list[ir.TensorLoad] = []
    tvm_ffi.structural_walk(expr, (ir.TensorLoad, found.append))
    return found


def uses(expr: Any, variables: Iterable[tirx.Var]) -> bool:
    """Tell whether one of `variables` occurs in `expr` (in a buffer's type does not count)."""
    wanted = set(variables)

    def visit(var: tirx.Var, visitor: Any) -> Any:
        if tirx.is_buffer_var(var):
            return None
        return tvm_ffi.VisitInterrupt(var) if var in wanted else None

    return tvm_ffi.structural_visit(expr, [(tirx.Var, visit)]) is not None


def branches_on(expr: Any, variable: tirx.Var) -> bool:
    """Tell whether a condition that decides what `expr` evaluates depends on `variable`."""

    def visit(call: ir.Call) -> Any:
        found = is_if_then_else(call) and uses(call.args[0], [variable])
        return tvm_ffi.VisitInterrupt(call) if found else None

    return tvm_ffi.structural_walk(expr, (ir.Call, visit)) is not None


def edges(exprs: Iterable[Any], variable: tirx.Var, extent: int) -> list[int]:
    """Return where along `variable` the conditions of `exprs` may change, with 0 and `extent`."""
    found = {0, extent}

    def condition(call: ir.Call) -> None:
        if is_if_then_else(call):
            tvm_ffi.structural_walk(call.args[0], (Compare, comparison))

    def comparison(node: Any) -> None:
        if dtype(node.a) != INDEX:
            return
        parts = linear(node.a - node.b, [variable])
        slope, rest = map(constant, parts) if parts is not None else (None, None)
        if slope in (1, -1) and rest is not None:
            found.update(edge for edge in (-rest * slope, -rest * slope + 1) if 0 < edge < extent)

    for expr in exprs:
        tvm_ffi.structural_walk(expr, (ir.Call, condition))
    return sorted(found)


def divisors(exprs: Iterable[Any], variable: tirx.Var) -> set[int]:
    """Return the constants that `variable` itself is divided by, with or without remainder."""
    found: set[int] = set()

    def division(node: Any) -> None:
        by = constant(node.b)
        if isinstance(node.a, tirx.Var) and node.a.same_as(variable) and by is not None and by > 1:
            found.add(by)

    for expr in exprs:
        tvm_ffi.structural_walk(expr, ((tirx.FloorDiv, tirx.FloorMod), division))
    return found


def substitute(expr: Any, mapping: Mapping[tirx.Var, Any]) -> Any:
    """Replace variables; a buffer keeps its type, whatever variables its shape names."""

    def visit(var: tirx.Var, mutator: Any) -> Any:
        return var if tirx.is_buffer_var(var) else mapping.get(var, var)

    return tvm_ffi.structural_mutate(expr, [(tirx.Var, visit)])


def replace_loads(expr: Any, replace: Callable[[Any, list[Any]], Any]) -> Any:
    """Replace each load by `replace(load, indices)`, where `indices` are already rewritten."""

    def visit(load: ir.TensorLoad, mutator: Any) -> Any:
        return replace(load, [mutator.mutate(index) for index in load.indices])

    return tvm_ffi.structural_mutate(expr, [(ir.TensorLoad, visit)])


def linear(expr: Any, variables: list[tirx.Var]) -> list[Any] | None:
    """Return the coefficients of `variables` and the rest, or None where `expr` is not linear."""
    if not variables:
        return [expr]
    found = list(sym.detect_linear_equation(expr, variables))
    return found or None


def narrow(expr: Any, variables: Mapping[tirx.Var, tirx.Var]) -> Any:
    """Rewrite `expr` for 32-bit index arithmetic.

    `variables` maps the 64-bit axes and dims to their 32-bit stand-ins. Indices and the comparisons
    between them become 32-bit; data keeps its dtype.
    """

    def variable(var: tirx.Var, mutator: Any) -> Any:
        if tirx.is_buffer_var(var) or var not in variables:
            return var
        return cast(variables[var], dtype(var))

    def load(node: ir.TensorLoad, mutator: Any) -> Any:
        return tirx.BufferLoad(node.source, [narrow_index(i, variables) for i in node.indices])

    def compare(node: Any, mutator: Any) -> Any:
        if dtype(node.a) == "int64" and not loads(node):
            return type(node)(narrow_index(node.a, variables), narrow_index(node.b, variables))
        return mutator.default_mutate(node)

    return tvm_ffi.structural_mutate(
        expr, [(tirx.Var, variable), (ir.TensorLoad, load), (Compare, compare)]
    )


def narrow_index(expr: Any, variables: Mapping[tirx.Var, tirx.Var]) -> Any:
    """Rewrite an integer expression as a 32-bit one; see `narrow`."""
    if isinstance(expr, int):
        return integer(expr)
    if isinstance(expr, tirx.IntImm):
        # A bound such as "to the end" is written as the greatest int64.
        return integer(max(min(int(expr), 2**31 - 1), -(2**31)))
    if isinstance(expr, tirx.Var):
        return variables[expr] if expr in variables else cast(expr, INDEX)
    if isinstance(expr, Arithmetic):
        return type(expr)(narrow_index(expr.a, variables), narrow_index(expr.b, variables))
    if isinstance(expr, tirx.Cast):
        if dtype(expr.value) in ("int64", "int32"):
            return narrow_index(expr.value, variables)
        return tirx.Cast(INDEX, narrow(expr.value, variables))
    if isinstance(expr, tirx.Select):
        return tirx.Select(
            narrow(expr.condition, variables),
            narrow_index(expr.true_value, variables),
            narrow_index(expr.false_value, variables),
        )
    if is_if_then_else(expr):
        condition, true, false = expr.args
        return tirx.if_then_else(
            narrow(condition, variables),
            narrow_index(true, variables),
            narrow_index(false, variables),
        )
    return cast(narrow(expr, variables), INDEX)


def cast(expr: Any, to: str) -> Any:
    """Convert `expr` to dtype `to`, which may be the one that it has."""
    return expr if dtype(expr) == to else tirx.Cast(to, expr)
