"""TIR's integer expressions as expressions over named dims."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import ir, tirx

from pyjsml.dims import Expr, Operator, term

OPERATORS: Mapping[type, Operator] = {
    tirx.Add: "+",
    tirx.Sub: "-",
    tirx.Mul: "*",
    tirx.FloorDiv: "//",
    tirx.Div: "//",
    tirx.FloorMod: "%",
    tirx.Mod: "%",
    tirx.Min: "min",
    tirx.Max: "max",
}
"""Truncating division stands with the flooring one: the operands of shapes are not negative."""


def to_expr(value: ir.Expr | int, names: Mapping[tirx.Var, Expr]) -> Expr:
    """Return `value` with each TIR variable replaced by what `names` has for it.

    Raises KeyError for a variable that `names` lacks and TypeError for an expression that dims do
    not have, such as a comparison.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, tirx.IntImm):
        return int(value)
    if isinstance(value, tirx.Var):
        return names[value]
    if isinstance(value, tirx.Cast):
        return to_expr(value.value, names)
    operator = OPERATORS.get(type(value))
    if operator is None:
        raise TypeError(f"{value} of type {type(value).__name__} is no expression over dims")
    return term(operator, to_expr(value.a, names), to_expr(value.b, names))
