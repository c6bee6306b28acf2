"""Integer expressions over named dims: the shapes, sizes and kernel arguments of a program.

An expression is an `int`, the name of a dim (`str`), or a `Term`. The three forms are what the
runtime reads too, as JSON: `3`, `"seq"`, `["*", "seq", 3]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Operator = Literal["+", "-", "*", "//", "%", "min", "max"]


@dataclass(frozen=True)
class Term:
    """Apply `operator` to two expressions; `//` and `%` round towards minus infinity."""

    operator: Operator
    left: Expr
    right: Expr

    def __str__(self) -> str:
        if self.operator in ("min", "max"):
            return f"{self.operator}({self.left}, {self.right})"
        return f"({self.left} {self.operator} {self.right})"


Expr = int | str | Term
Shape = tuple[Expr, ...]


def evaluate(expr: Expr, binding: Mapping[str, int]) -> int:
    """Return the value of `expr` where `binding` gives each dim; raise KeyError for another dim."""
    if isinstance(expr, int):
        return expr
    if isinstance(expr, str):
        return binding[expr]
    return _apply(expr.operator, evaluate(expr.left, binding), evaluate(expr.right, binding))


def term(operator: Operator, left: Expr, right: Expr) -> Expr:
    """Build `left operator right`, folding constants and the neutral elements 0 and 1."""
    if isinstance(left, int) and isinstance(right, int):
        return _apply(operator, left, right)
    if operator == "+" and left == 0:
        return right
    if operator in ("+", "-") and right == 0:
        return left
    if operator == "*" and left == 1:
        return right
    if operator in ("*", "//") and right == 1:
        return left
    if operator == "*" and (left == 0 or right == 0):
        return 0
    return Term(operator, left, right)


def product(factors: Sequence[Expr]) -> Expr:
    """Multiply `factors`; the product of none is 1."""
    result: Expr = 1
    for factor in factors:
        result = term("*", result, factor)
    return result


def substitute(expr: Expr, given: Mapping[str, Expr]) -> Expr:
    """Return `expr` with each dim replaced by what `given` has for it, or raise KeyError."""
    if isinstance(expr, str):
        return given[expr]
    if isinstance(expr, Term):
        left, right = (substitute(side, given) for side in (expr.left, expr.right))
        return term(expr.operator, left, right)
    return expr


def names(expr: Expr) -> Iterator[str]:
    """Yield the dims that occur in `expr`, each as often as it occurs."""
    if isinstance(expr, str):
        yield expr
    elif isinstance(expr, Term):
        yield from names(expr.left)
        yield from names(expr.right)


def to_json(expr: Expr) -> Any:
    """Return `expr` as the runtime reads it: a number, a name, or `[operator, left, right]`."""
    if isinstance(expr, Term):
        return [expr.operator, to_json(expr.left), to_json(expr.right)]
    return expr


def from_json(value: Any) -> Expr:
    """Read what `to_json` returns."""
    if isinstance(value, list):
        operator, left, right = value
        return Term(operator, from_json(left), from_json(right))
    expr: int | str = value
    return expr


def format_shape(shape: Shape) -> str:
    """Write a shape as people do: `1x3x224x224`, `batchx(seq * 2)`, `scalar`."""
    return "x".join(str(dim) for dim in shape) or "scalar"


def _apply(operator: Operator, left: int, right: int) -> int:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
        case "min":
            return min(left, right)
        case "max":
            return max(left, right)
