"""Float expressions that the functions are written with: constants, bits, choices, polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx

from pyjsml.kernels.tir.expression import dtype

Function = Callable[..., Any]
"""Takes float expressions, gives one."""

LN2 = math.log(2)
LOG2E = 1 / math.log(2)


def bound(values: Sequence[Any], function: Function) -> Any:
    """Apply `function` to variables that hold `values`, so that each is computed once."""
    variables = []
    bindings = []
    for value in values:
        if isinstance(value, (tirx.Var, tirx.FloatImm, tirx.IntImm)):
            variables.append(value)
        else:
            variable = tirx.Var("t", dtype(value))
            variables.append(variable)
            bindings.append((variable, value))
    result = function(*variables)
    for variable, value in reversed(bindings):
        result = tirx.Let(variable, value, result)
    return result


def let(value: Any, function: Function) -> Any:
    """Apply `function` to a variable that holds `value`."""
    return bound([value], function)


def real(value: float, kind: str = "float32") -> Any:
    """Return a constant of a float dtype."""
    return tirx.FloatImm(kind, value)


def integer(value: int) -> Any:
    """Return a constant of int32."""
    return tirx.IntImm("int32", value)


def poly(x: Any, *coefficients: float) -> Any:
    """Evaluate a polynomial by Horner's rule, the highest power's coefficient first."""
    kind = dtype(x)
    first, *others = coefficients
    value: Any = real(first, kind)
    for coefficient in others:
        value = value * x + real(coefficient, kind)
    return value


def bits_of(x: Any) -> Any:
    """Return the bits of a float32 as an int32."""
    return tirx.reinterpret("int32", x)


def float_of(bits: Any) -> Any:
    """Return the float32 that has these bits."""
    return tirx.reinterpret("float32", bits)


def select(condition: Any, true: Any, false: Any) -> Any:
    """Return one of two values, both of which are evaluated."""
    return tirx.Select(condition, true, false)


def absolute(x: Any) -> Any:
    """Clear the sign bit of a float32."""
    return float_of(bits_of(x) & integer(0x7FFFFFFF))


def signed(magnitude: Any, x: Any) -> Any:
    """Give `magnitude` the sign of `x`."""
    return float_of(bits_of(magnitude) ^ (bits_of(x) & integer(-0x80000000)))


def clamp(x: Any, low: float, high: float) -> Any:
    """Return the number of the range that is nearest to `x`, or a NaN for a NaN."""
    return let(tirx.Max(x, real(low)), lambda y: tirx.Min(y, real(high)))


def is_nan(x: Any) -> Any:
    """Test the bits: TVM takes x != x for false, and does not vectorise its own isnan."""
    if dtype(x) == "float64":
        bits = tirx.reinterpret("int64", x) & tirx.IntImm("int64", 0x7FFFFFFFFFFFFFFF)
        return bits > tirx.IntImm("int64", 0x7FF0000000000000)
    return (bits_of(x) & integer(0x7FFFFFFF)) > integer(0x7F800000)


def intrinsic(name: str, *operands: Any) -> Any:
    """Call an LLVM intrinsic that WebAssembly has an instruction for."""
    return tirx.call_llvm_pure_intrin(dtype(operands[0]), f"llvm.{name}", *operands)
