"""What stands for which function, by name, and which there is no code for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.math.arithmetic import fmod, hypot, round_even, rsqrt
from pyjsml.kernels.math.erf import erf
from pyjsml.kernels.math.exponential import exp, exp2, exp10, exp_to_one, sigmoid
from pyjsml.kernels.math.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from pyjsml.kernels.math.logarithm import log, log1p, log2, log10
from pyjsml.kernels.math.power import power
from pyjsml.kernels.math.trigonometric import acos, asin, atan, atan2, cos, sin, tan
from pyjsml.kernels.math.values import Function, is_nan, real
from pyjsml.kernels.tir.expression import call_name, dtype

FLOAT32: Mapping[str, Function] = MappingProxyType(
    {
        "exp": exp,
        "exp2": exp2,
        "exp10": exp10,
        "log": log,
        "log2": log2,
        "log10": log10,
        "log1p": log1p,
        "sigmoid": sigmoid,
        "tanh": tanh,
        "erf": erf,
        "sin": sin,
        "cos": cos,
        "tan": tan,
        "atan": atan,
        "atan2": atan2,
        "asin": asin,
        "acos": acos,
        "sinh": sinh,
        "cosh": cosh,
        "asinh": asinh,
        "acosh": acosh,
        "atanh": atanh,
        "pow": power,
        "hypot": hypot,
        "fmod": fmod,
    }
)
"""By the name of the intrinsic: what replaces it where it is of float32."""

EXTERN: Mapping[str, Function] = MappingProxyType({"exp_to_one": exp_to_one})
"""By name: functions of float32 that TIR has no intrinsic for."""

ANY_FLOAT: Mapping[str, Function] = MappingProxyType(
    {
        "rsqrt": rsqrt,
        "isnan": is_nan,
        "isinf": lambda x: tirx.any(
            tirx.EQ(x, real(math.inf, dtype(x))), tirx.EQ(x, real(-math.inf, dtype(x)))
        ),
        "isfinite": lambda x: tirx.all(x < real(math.inf, dtype(x)), x > real(-math.inf, dtype(x))),
        "round": round_even,
        "nearbyint": round_even,
    }
)
"""By the name of the intrinsic: what replaces it for any float."""

NEVER = frozenset({"nextafter", "ldexp", "logaddexp", "clz", "q_multiply_shift"})
"""Intrinsics that no model in reach uses, and that there is no code for."""


def own_function(call: ir.Call) -> Function | None:
    """Return which function of `EXTERN` is called, if it is one."""
    if call_name(call) != "call_pure_extern":
        return None
    return EXTERN.get(str(call.args[0].value))


def unsupported_math(body: Any) -> list[str]:
    """Return the functions in `body` that there is no code for, each once."""
    found: dict[str, None] = {}

    def visit(node: ir.Call) -> None:
        name, kind = call_name(node), dtype(node)
        if name in FLOAT32 and kind != "float32" and kind.startswith("float"):
            found.setdefault(f"{name} of {kind}")
        elif name in NEVER:
            found.setdefault(name)

    tvm_ffi.structural_walk(body, (ir.Call, visit))
    return list(found)
