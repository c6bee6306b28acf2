"""Shape expressions on their way between the model's own form, TVM's and pyjsml's."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Container
from typing import Any

from tvm import tirx

from pyjsml.dims import Expr, Shape, term
from pyjsml.errors import ModelError
from pyjsml.frontend.names import identifier


class DimVars:
    """The TIR variable of each named dim: one per name, made on first use."""

    def __init__(self) -> None:
        self.by_name: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """Return the variable of the dim `name`, whose own name is an identifier."""
        name = identifier(name)
        if name not in self.by_name:
            self.by_name[name] = tirx.Var(name, "int64")
        return self.by_name[name]


def parse_expression(text: str, variables: Callable[[str], Any], known: Container[str]) -> Any:
    """Read a dim as ONNX files write it: a name, or a sum such as `past_len + 1`.

    Text that is no arithmetic on `known` names is taken as one name, since ONNX allows any
    characters in it, and a dim whose name never stands alone could not be told at run time.
    """
    operators = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.floordiv,
        ast.FloorDiv: operator.floordiv,
    }

    def build(node: ast.expr) -> Any:
        match node:
            case ast.BinOp(left, op, right) if type(op) in operators:
                return operators[type(op)](build(left), build(right))
            case ast.Name(name) if name in known:
                return variables(name)
            case ast.Constant(value) if isinstance(value, int):
                return value
        raise ValueError(text)

    try:
        return build(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        return variables(text)


def from_sympy(expr: Any, variables: Callable[[str], Any]) -> Any:
    """Turn a sympy expression into TIR; raise ModelError if it has no form there."""

    def fold(op: Callable[[Any, Any], Any]) -> Any:
        values = [from_sympy(arg, variables) for arg in expr.args]
        result = values[0]
        for value in values[1:]:
            result = op(result, value)
        return result

    if isinstance(expr, int):
        return expr
    if expr.is_Integer:
        return int(expr)
    if expr.is_Symbol:
        return variables(str(expr))
    if expr.is_Add:
        return fold(operator.add)
    if expr.is_Mul:
        return fold(operator.mul)
    if expr.is_Pow and expr.exp.is_Integer and expr.exp > 0:
        base, result = from_sympy(expr.base, variables), 1
        for _ in range(int(expr.exp)):
            result = base * result
        return result
    match type(expr).__name__:
        case "FloorDiv" | "CleanDiv":
            return fold(floordiv)
        case "Mod" | "PythonMod":
            return fold(floormod)
        case "Max":
            return fold(larger)
        case "Min":
            return fold(smaller)
    raise ModelError(f"A shape of the model is {expr}, which pyjsml can't express.")


def to_dims(expr: Any) -> Expr:
    """Turn an int or a TIR expression into pyjsml's form; raise ModelError if it has none there."""
    if isinstance(expr, int):
        return expr
    if isinstance(expr, tirx.IntImm):
        return int(expr.value)
    if isinstance(expr, tirx.Cast):
        return to_dims(expr.value)
    for kind, symbol in (
        (tirx.Add, "+"),
        (tirx.Sub, "-"),
        (tirx.Mul, "*"),
        (tirx.FloorDiv, "//"),
        (tirx.Div, "//"),
        (tirx.FloorMod, "%"),
        (tirx.Mod, "%"),
        (tirx.Max, "max"),
        (tirx.Min, "min"),
    ):
        if isinstance(expr, kind):
            return term(symbol, to_dims(expr.a), to_dims(expr.b))  # type: ignore[arg-type]
    if hasattr(expr, "name"):
        return str(expr.name)
    raise ModelError(f"A shape of the model is {expr}, which pyjsml can't express.")


def shape_of(tensor_type: Any) -> Shape | None:
    """Return the shape of a Relax tensor type in pyjsml's form, or None if Relax can't tell it."""
    if tensor_type.shape is None:
        return None
    return tuple(to_dims(dim) for dim in tensor_type.shape)


def floordiv(a: Any, b: Any) -> Any:
    """Divide ints, or TIR expressions, rounded down."""
    return a // b if isinstance(a, int) and isinstance(b, int) else tirx.floordiv(a, b)


def floormod(a: Any, b: Any) -> Any:
    """Return what is left of a division that is rounded down."""
    return a % b if isinstance(a, int) and isinstance(b, int) else tirx.floormod(a, b)


def larger(a: Any, b: Any) -> Any:
    """Return the larger of two ints, or TIR expressions."""
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else tirx.max(a, b)


def smaller(a: Any, b: Any) -> Any:
    """Return the smaller of two ints, or TIR expressions."""
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else tirx.min(a, b)
