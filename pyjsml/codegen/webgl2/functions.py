"""Intrinsics of TIR as functions of GLSL, and of our own where GLSL has none or a lesser one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tvm import ir

from pyjsml.codegen.webgl2.kinds import kind_of
from pyjsml.codegen.webgl2.operators import function, keep, own, wrap
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.codegen.webgl2.writer import Value, Writer
from pyjsml.kernels.tir.expression import call_name, dtype

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "fabs": "abs",
        "abs": "abs",
        "floor": "floor",
        "ceil": "ceil",
        "trunc": "trunc",
        "round": "roundEven",
        "nearbyint": "roundEven",
        "sqrt": "sqrt",
        "rsqrt": "inversesqrt",
        "exp2": "exp2",
        "atan": "atan",
        "atan2": "atan",
        "asinh": "asinh",
    }
)

OWN: Mapping[str, str] = MappingProxyType(
    {
        "exp": "expE",
        "exp10": "powerOfTen",
        "log": "logE",
        "log2": "logTwo",
        "log10": "logTen",
        "log1p": "logPlusOne",
        "sigmoid": "sigmoid",
        "tanh": "hyperTan",
        "erf": "errorFunction",
        "sin": "sine",
        "cos": "cosine",
        "tan": "tangent",
        "asin": "arcSin",
        "acos": "arcCos",
        "sinh": "hyperSin",
        "cosh": "hyperCos",
        "acosh": "areaCos",
        "atanh": "areaTan",
        "pow": "power",
        "hypot": "hypotenuse",
        "fmod": "floatMod",
    }
)
"""By intrinsic of float32: the function of `_functions.glsl.jinja`."""

TESTS: Mapping[str, str] = MappingProxyType(
    {"isnan": "isNoNumber", "isinf": "isEndless", "isfinite": "isOrdinary"}
)

SHIFTS: Mapping[str, str] = MappingProxyType({"shift_left": "{} << {}", "shift_right": "{} >> {}"})

EXTERN: Mapping[str, str] = MappingProxyType({"exp_to_one": "expE"})
"""By name: the functions that kernels have beside TIR's intrinsics."""


def call(writer: Writer, expr: ir.Call, evaluate: Callable[[Any], Value]) -> Value:
    """Write a call of an intrinsic; NoShaderError for one that there is no code for."""
    name, kind = call_name(expr), kind_of(dtype(expr))
    if name == "call_pure_extern" and str(expr.args[0].value) in EXTERN:
        return own(writer, EXTERN[str(expr.args[0].value)], kind, *map(evaluate, expr.args[1:]))
    if name == "reinterpret":
        return _reinterpreted(writer, expr, evaluate)
    if name in SHIFTS:
        return wrap(
            writer, dtype(expr), keep(writer, SHIFTS[name], kind, *map(evaluate, expr.args))
        )
    if name in TESTS:
        return own(writer, TESTS[name], "bool", evaluate(expr.args[0]))
    if name in BUILT_IN and (kind == "float" or name in ("abs", "fabs")):
        return function(writer, BUILT_IN[name], kind, *map(evaluate, expr.args))
    if name in OWN and kind == "float":
        return own(writer, OWN[name], kind, *map(evaluate, expr.args))
    raise NoShaderError(f"there is no {name} of {dtype(expr)} for WebGL2")


def _reinterpreted(writer: Writer, expr: ir.Call, evaluate: Callable[[Any], Value]) -> Value:
    source, target = dtype(expr.args[0]), dtype(expr)
    names = {("float32", "int32"): "floatBitsToInt", ("int32", "float32"): "intBitsToFloat"}
    value = evaluate(expr.args[0])
    if source == target:
        return value
    if (source, target) not in names:
        raise NoShaderError(f"there is no reinterpret of {source} as {target} for WebGL2")
    return function(writer, names[source, target], kind_of(target), value)
