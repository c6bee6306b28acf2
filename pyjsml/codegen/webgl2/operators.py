"""Operators of GLSL on values that may have a component per lane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tvm import tirx

from pyjsml.codegen.webgl2.kinds import NARROW, kind_of
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.codegen.webgl2.writer import VECTORS, Kind, Value, Writer
from pyjsml.kernels.tir.expression import constant, dtype

ARITHMETIC = {tirx.Add: "+", tirx.Sub: "-", tirx.Mul: "*", tirx.Div: "/"}
SPLIT = 4097.0
"""2^12 + 1, which splits the 24 bits of a float32 in two; see `_divided`."""
SPLITTABLE = (1e-15, 1e15)
"""Divisors between which no part of a product is denormal or infinite where the quotient is not."""

BITWISE = {
    tirx.BitwiseAnd: ("&", "both"),
    tirx.BitwiseOr: ("|", "either"),
    tirx.BitwiseXor: ("^", "differ"),
    tirx.LShift: ("<<", ""),
    tirx.RShift: (">>", ""),
}
COMPARISONS = {
    tirx.LT: ("<", "lessThan"),
    tirx.LE: ("<=", "lessThanEqual"),
    tirx.GT: (">", "greaterThan"),
    tirx.GE: (">=", "greaterThanEqual"),
    tirx.EQ: ("==", "equal"),
    tirx.NE: ("!=", "notEqual"),
}


def keep(writer: Writer, form: str, kind: Kind, *of: Value) -> Value:
    """Return a variable with the text `form`, into which go those of `of`; wide if one is."""
    wide = any(value.wide for value in of)
    return writer.keep(form.format(*[value.text for value in of]), kind, wide, of)


def negative(writer: Writer, value: Value) -> Value:
    """Return an integer with the other sign."""
    if _is_literal(value):
        return replace(value, text=value.text[1:] if value.text[0] == "-" else f"-{value.text}")
    return keep(writer, "-{}", "int", value)


def total(writer: Writer, parts: Sequence[Value]) -> Value:
    """Add up integers, constants last."""
    literals = [part for part in parts if _is_literal(part)]
    others = sorted((part for part in parts if not _is_literal(part)), key=lambda v: v.wide)
    number = sum(int(part.text) for part in literals)
    if not others:
        return Value(str(number), "int")
    result = others[0]
    for part in others[1:]:
        result = keep(writer, "{} + {}", "int", result, part)
    if number:
        result = keep(writer, f"{{}} {'+' if number > 0 else '-'} {abs(number)}", "int", result)
    return result


def place(writer: Writer, texels: Value, more: float) -> Value:
    """Return a number of texels and some `more` as a float; see `Evaluator.coordinate`."""
    if _is_literal(texels):
        return Value(repr(int(texels.text) + more), "float")
    return keep(writer, f"float({{}}) + {more}" if more else "float({})", "float", texels)


def _is_literal(value: Value) -> bool:
    return value.text.lstrip("-").isdigit()


def function(writer: Writer, name: str, kind: Kind, *of: Value) -> Value:
    """Call a function that takes scalars or vectors, but not one of each."""
    wide = any(value.wide for value in of)
    texts = [value.widened() if wide else value.text for value in of]
    return writer.keep(f"{name}({', '.join(texts)})", kind, wide, of)


def own(writer: Writer, name: str, kind: Kind, *of: Value) -> Value:
    """Call a function of the template `_functions.glsl.jinja`; see `function`."""
    writer.functions.add(name)
    return function(writer, name, kind, *of)


def binary(writer: Writer, expr: Any, a: Value, b: Value, positive: bool) -> Value:
    """Apply the operator of `expr`; `positive` says that a division's dividend can't be below 0."""
    kind = type(expr)
    if kind in COMPARISONS:
        return _comparison(writer, kind, a, b)
    if kind in (tirx.And, tirx.Or):
        return _both(writer, kind is tirx.And, a, b)
    if kind in BITWISE:
        sign, name = BITWISE[kind]
        if a.kind == "bool":
            return own(writer, name, "bool", a, b)
        return wrap(writer, dtype(expr), keep(writer, f"{{}} {sign} {{}}", "int", a, b))
    if kind in (tirx.Max, tirx.Min):
        return _extreme(writer, expr, a, b)
    if a.kind == "int" and kind in (tirx.FloorDiv, tirx.FloorMod):
        return _floored(writer, expr, a, b, positive)
    if kind is tirx.Mod and a.kind == "int":
        return own(writer, "truncatedMod", "int", a, b)
    if kind is tirx.Div and _is_inexact(expr.b):
        return _divided(writer, a, b, float(expr.b.value))
    if kind not in ARITHMETIC or a.kind == "bool":
        raise NoShaderError(f"WebGL2 has no {kind.__name__} of {dtype(expr)}")
    return wrap(writer, dtype(expr), keep(writer, f"{{}} {ARITHMETIC[kind]} {{}}", a.kind, a, b))


def _is_inexact(divisor: Any) -> bool:
    """Tell whether `divisor` is a constant by whose reciprocal one can't as well multiply."""
    if not isinstance(divisor, tirx.FloatImm):
        return False
    number = float(divisor.value)
    return SPLITTABLE[0] < abs(number) < SPLITTABLE[1] and abs(math.frexp(number)[0]) != 0.5


def _divided(writer: Writer, a: Value, b: Value, divisor: float) -> Value:
    """Divide by a constant as IEEE 754 rounds, whatever the driver makes of a division.

    What is rounded to an integer afterwards, as a quantised value is, may lie in the middle between
    two. The product of quotient and divisor is split as T. J. Dekker does (Numerische Mathematik
    18, 1971): parts of 12 bits multiply exactly.
    """
    number = np.float32(divisor)
    product = np.float32(SPLIT) * number
    high = product - (product - number)
    parts = [Value(repr(float(part)), "float") for part in (high, number - high)]
    writer.functions.add("divided")
    wide = a.wide
    text = f"divided({a.text}, {b.text}, {parts[0].text}, {parts[1].text})"
    return writer.keep(text, "float", wide, (a,))


def wrap(writer: Writer, name: str, value: Value) -> Value:
    """Wrap an integer that has been computed in 32 bits round to the dtype `name`."""
    if name not in NARROW:
        return value
    return keep(writer, NARROW[name][0], "int", value)


def _comparison(writer: Writer, kind: type, a: Value, b: Value) -> Value:
    sign, name = COMPARISONS[kind]
    if a.wide or b.wide:
        return function(writer, name, "bool", a, b)
    return keep(writer, f"{{}} {sign} {{}}", "bool", a, b)


def _both(writer: Writer, every: bool, a: Value, b: Value) -> Value:
    certain = "false" if every else "true"
    for value, other in ((a, b), (b, a)):
        if value.text in ("true", "false"):
            return value if value.text == certain else other
    if a.wide or b.wide:
        return own(writer, "both" if every else "either", "bool", a, b)
    return keep(writer, "{} && {}" if every else "{} || {}", "bool", a, b)


def negation(writer: Writer, value: Value) -> Value:
    """Return the opposite of a bool."""
    return keep(writer, "not({})" if value.wide else "!{}", "bool", value)


def inverse(writer: Writer, value: Value, name: str) -> Value:
    """Return an integer of the dtype `name`, or a bool, with all bits turned over."""
    if value.kind == "bool":
        return negation(writer, value)
    return wrap(writer, name, keep(writer, "~{}", "int", value))


def choose(writer: Writer, condition: Value, true: Value, false: Value) -> Value:
    """Return `true` in the lanes where `condition` holds, and else `false`."""
    if condition.wide:
        if true.kind == "float":
            return function(writer, "mix", "float", *_all_wide(false, true), condition)
        return own(writer, "pick", true.kind, condition, *_all_wide(true, false))
    wide = true.wide or false.wide
    texts = [value.widened() if wide else value.text for value in (true, false)]
    text = f"{condition.text} ? {texts[0]} : {texts[1]}"
    return writer.keep(text, true.kind, wide, (condition, true, false))


def _all_wide(*values: Value) -> list[Value]:
    return [Value(v.widened(), v.kind, True, v.level, v.fleeting) for v in values]


def _extreme(writer: Writer, expr: Any, a: Value, b: Value) -> Value:
    """Return the larger or smaller value; a NaN, if there is one.

    Against a constant one comparison will do, which a NaN fails.
    """
    largest = isinstance(expr, tirx.Max)
    if a.kind != "float":
        return function(writer, "max" if largest else "min", "int", a, b)
    if isinstance(expr.a, tirx.FloatImm):
        a, b = b, a
    if isinstance(expr.a, tirx.FloatImm) or isinstance(expr.b, tirx.FloatImm):
        beyond = _comparison(writer, tirx.LT if largest else tirx.GT, a, b)
        return choose(writer, beyond, b, a)
    return own(writer, "larger" if largest else "smaller", "float", a, b)


def _floored(writer: Writer, expr: Any, a: Value, b: Value, positive: bool) -> Value:
    """Divide, or take the remainder, towards minus infinity."""
    quotient = isinstance(expr, tirx.FloorDiv)
    by = constant(expr.b)
    if by is not None and by > 0 and by & (by - 1) == 0:
        shift = by.bit_length() - 1
        return keep(writer, f"{{}} >> {shift}" if quotient else f"{{}} & {by - 1}", "int", a)
    if positive:
        if quotient:
            return keep(writer, "{} / {}", "int", a, b)
        whole = keep(writer, "{} / {}", "int", a, b)
        return keep(writer, "{} - {} * {}", "int", a, whole, b)
    return own(writer, "floorDiv" if quotient else "floorMod", "int", a, b)


def cast(writer: Writer, value: Value, expr: Any) -> Value:
    """Convert `value` to the dtype of `expr`, a cast."""
    target, source = dtype(expr), dtype(expr.value)
    kind = kind_of(target)
    if kind != value.kind:
        if kind == "bool":
            zero = Value("0.0" if value.kind == "float" else "0", value.kind)
            value = _comparison(writer, tirx.NE, value, zero)
        else:
            name = VECTORS[kind] if value.wide else kind
            value = keep(writer, f"{name}({{}})", kind, value)
    return value if source in (target, "bool") else wrap(writer, target, value)
