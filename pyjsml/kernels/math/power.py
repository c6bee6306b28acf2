"""Powers of float32, in float64."""

from __future__ import annotations

import math
from typing import Any

from tvm import tirx

from pyjsml.kernels.math.arithmetic import round_even, rsqrt
from pyjsml.kernels.math.exponential import ldexp
from pyjsml.kernels.math.values import (
    LN2,
    LOG2E,
    absolute,
    bits_of,
    bound,
    float_of,
    integer,
    is_nan,
    let,
    poly,
    real,
    select,
)
from pyjsml.kernels.tir.expression import cast


def power(x: Any, y: Any) -> Any:
    """1 ulp; computed as 2^(y · log2 |x|) in float64, to about 1e-10."""
    whole = {
        1.0: lambda: x,
        2.0: lambda: x * x,
        3.0: lambda: x * x * x,
        4.0: lambda: _square(x * x),
    }
    roots = {0.5: lambda: tirx.sqrt(x), -0.5: lambda: rsqrt(x), -1.0: lambda: real(1.0) / x}
    if isinstance(y, tirx.FloatImm) and y.value in whole:
        return whole[y.value]()
    if isinstance(y, tirx.FloatImm) and y.value in roots:
        return roots[y.value]()

    def value(a: Any) -> Any:
        wide = cast(y, "float64") * _log2_wide(a)
        return let(_exp2_wide(wide), lambda r: _power_ends(x, y, a, r))

    return let(absolute(x), value)


def _square(x: Any) -> Any:
    return let(x, lambda y: y * y)


def _log2_wide(a: Any) -> Any:
    """Return log2 of a >= 0 in float64: its bits' exponent, and atanh's series for the rest."""

    def value(b: Any, shift: Any) -> Any:
        mantissa = cast(float_of((b & integer(0x007FFFFF)) + integer(0x3F3504F3)), "float64")
        exponent = cast(b >> integer(23), "float64") - shift

        def series(s: Any) -> Any:
            odd = [2.0 * LOG2E / n for n in (13, 11, 9, 7, 5, 3, 1)]
            return exponent + let(s * s, lambda z: poly(z, *odd)) * s

        one = real(1.0, "float64")
        return let(mantissa, lambda m: let((m - one) / (m + one), series))

    small = a < real(1.1754943508222875e-38)
    grown = select(small, a * real(8388608.0), a)
    shift = select(small, real(23.0, "float64"), real(0.0, "float64"))
    finite = bound([bits_of(grown) - integer(0x3F3504F3), shift], value)
    infinity = real(math.inf, "float64")
    end = select(tirx.EQ(a, real(0.0)), -infinity, cast(a, "float64"))
    return select(tirx.all(a > real(0.0), a < real(math.inf)), finite, end)


def _exp2_wide(x: Any) -> Any:
    """Return 2^x, a float64, as float32: Taylor's series after taking off the nearest integer."""

    def clamped(x: Any) -> Any:
        low, high = real(-160.0, "float64"), real(130.0, "float64")
        return select(x < low, low, select(x > high, high, x))

    def value(x: Any) -> Any:
        def parts(n: Any) -> Any:
            terms = [1.0]
            for k in range(1, 10):
                terms.insert(0, terms[0] * LN2 / k)
            # Not a number has no integer part: any will do, since the result is NaN.
            whole = cast(select(tirx.Not(is_nan(n)), n, real(0.0, "float64")), "int32")
            return let(
                cast(poly(x - n, *terms), "float32"),
                lambda m: let(whole, lambda w: ldexp(m, w)),
            )

        return let(round_even(x), parts)

    return let(x, lambda y: let(clamped(y), value))


def _power_ends(x: Any, y: Any, a: Any, r: Any) -> Any:
    """Give a power its sign, and its value where the logarithm is of no use."""
    one = real(1.0)
    magnitude = select(tirx.any(tirx.EQ(y, real(0.0)), tirx.EQ(a, one)), one, r)
    whole = tirx.EQ(tirx.floor(y), y)
    odd = tirx.all(whole, tirx.NE(tirx.floor(y * real(0.5)) * real(2.0), y))
    negative = bits_of(x) < integer(0)

    def value(m: Any) -> Any:
        turned = select(tirx.all(negative, odd), -m, m)
        undefined = tirx.all(x < real(0.0), tirx.Not(whole), a < real(math.inf))
        unknown = tirx.any(
            tirx.all(is_nan(x), is_nan(y)),
            tirx.all(is_nan(x), tirx.NE(y, real(0.0))),
            tirx.all(is_nan(y), tirx.NE(x, one)),
        )
        return select(tirx.any(undefined, unknown), real(math.nan), turned)

    return let(magnitude, value)
