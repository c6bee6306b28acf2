"""The circle's functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

from tvm import tirx

from pyjsml.kernels.math.arithmetic import round_even
from pyjsml.kernels.math.values import (
    Function,
    absolute,
    bits_of,
    bound,
    integer,
    let,
    poly,
    real,
    select,
    signed,
)
from pyjsml.kernels.tir.expression import cast


def sin(x: Any) -> Any:
    """2 ulp up to 2^30, NaN beyond; the polynomial is Cephes sinf, reduced in float64."""
    return _reduced(x, lambda r, n: _quadrant(r, n, 0))


def cos(x: Any) -> Any:
    """2 ulp up to 2^30, NaN beyond; the polynomial is Cephes cosf, reduced in float64."""
    return _reduced(x, lambda r, n: _quadrant(r, n, 1))


def tan(x: Any) -> Any:
    """4 ulp; the quotient of `sin` and `cos`."""
    return _reduced(x, lambda r, n: _quadrant(r, n, 0) / _quadrant(r, n, 1))


def _reduced(x: Any, function: Function) -> Any:
    """Call `function(r, n)` with x = r + q · pi/2, |r| <= pi/4 and n = q mod 4.

    Beyond 2^30 the result is NaN: a float32 there stands for more than a turn.
    """

    def turns(y: Any) -> Any:
        return let(
            round_even(y * real(2.0 / math.pi, "float64")),
            lambda q: bound(
                [
                    cast(
                        y
                        - q * real(1.5707963267341256, "float64")
                        - q * real(6.077100506506192e-11, "float64"),
                        "float32",
                    ),
                    cast(
                        q - tirx.floor(q * real(0.25, "float64")) * real(4.0, "float64"), "float32"
                    ),
                ],
                function,
            ),
        )

    inside = select(absolute(x) < real(2.0**30), x, real(math.nan))
    return let(cast(inside, "float64"), turns)


def _quadrant(r: Any, n: Any, ahead: int) -> Any:
    """Return sin(r + (n + ahead) · pi/2)."""

    def value(z: Any) -> Any:
        sine = poly(z, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1) * z * r + r
        cosine = poly(z, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
        cosine = cosine * z * z - z * real(0.5) + real(1.0)
        odd = tirx.any(tirx.EQ(n, real(1.0)), tirx.EQ(n, real(3.0)))
        upper = n > real(1.5) if ahead == 0 else tirx.all(n > real(0.5), n < real(2.5))
        chosen = select(odd, cosine, sine) if ahead == 0 else select(odd, sine, cosine)
        return let(chosen, lambda c: select(upper, -c, c))

    return let(r * r, value)


def atan(x: Any) -> Any:
    """2 ulp; the polynomial is Cephes atanf."""

    def body(a: Any) -> Any:
        large, middle = a > real(2.414213562373095), a > real(0.4142135623730950)
        reduced = select(
            large, real(-1.0) / a, select(middle, (a - real(1.0)) / (a + real(1.0)), a)
        )
        base = select(large, real(math.pi / 2), select(middle, real(math.pi / 4), real(0.0)))

        def value(r: Any) -> Any:
            z = r * r
            p = poly(z, 8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)
            return base + (p * z * r + r)

        return signed(let(reduced, value), x)

    return let(absolute(x), body)


def atan2(y: Any, x: Any) -> Any:
    """4 ulp; through `atan`, with IEEE's angles where both are zero or infinite."""
    infinite = tirx.all(tirx.EQ(absolute(x), real(math.inf)), tirx.EQ(absolute(y), real(math.inf)))
    zero = tirx.all(tirx.EQ(x, real(0.0)), tirx.EQ(y, real(0.0)))
    quotient = select(zero, real(0.0), select(infinite, real(1.0), absolute(y) / absolute(x)))
    # The sign bit tells -0 from 0, as an angle on the negative axis needs.
    behind = bits_of(x) < integer(0)
    angle = let(atan(quotient), lambda a: select(behind, real(math.pi) - a, a))
    return signed(angle, y)


def asin(x: Any) -> Any:
    """3 ulp; the polynomial is Cephes asinf."""

    def body(a: Any) -> Any:
        outer = a > real(0.5)
        part = select(outer, tirx.sqrt((real(1.0) - a) * real(0.5)), a)

        def value(r: Any) -> Any:
            return let(_asin_part(r), lambda p: select(outer, real(math.pi / 2) - (p + p), p))

        return signed(let(part, value), x)

    return let(absolute(x), body)


def acos(x: Any) -> Any:
    """3 ulp; the polynomial is Cephes asinf."""

    def body(a: Any) -> Any:
        outer = a > real(0.5)
        part = select(outer, tirx.sqrt((real(1.0) - a) * real(0.5)), x)

        def value(p: Any) -> Any:
            twice = p + p
            far = select(x < real(0.0), real(math.pi) - twice, twice)
            return select(outer, far, real(math.pi / 2) - p)

        return let(part, lambda r: let(_asin_part(r), value))

    return let(absolute(x), body)


def _asin_part(r: Any) -> Any:
    def value(z: Any) -> Any:
        p = poly(
            z, 4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1
        )
        return p * z * r + r

    return let(r * r, value)
