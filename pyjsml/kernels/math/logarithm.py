"""Logarithms."""

from __future__ import annotations

import math
from typing import Any

from tvm import tirx

from pyjsml.kernels.math.values import (
    LOG2E,
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


def log(x: Any) -> Any:
    """2 ulp; the polynomial is Cephes logf."""

    def split(bits: Any, shift: Any) -> Any:
        # The mantissa goes into [sqrt(1/2), sqrt(2)): 0x3F3504F3 is the lower bound's bits.
        return let(
            bits - integer(0x3F3504F3),
            lambda b: _log_part(
                float_of((b & integer(0x007FFFFF)) + integer(0x3F3504F3)) - real(1.0),
                cast(b >> integer(23), "float32") - shift,
            ),
        )

    def body(x: Any) -> Any:
        small = x < real(1.1754943508222875e-38)
        grown = select(small, x * real(8388608.0), x)
        value = split(bits_of(grown), select(small, real(23.0), real(0.0)))
        return _log_ends(x, value)

    return let(x, body)


def log2(x: Any) -> Any:
    """3 ulp; through `log`."""
    return log(x) * real(LOG2E)


def log10(x: Any) -> Any:
    """3 ulp; through `log`."""
    return log(x) * real(0.4342944819032518)


def log1p(x: Any) -> Any:
    """3 ulp; log(u) · x / (u - 1) undoes the rounding of u = 1 + x (Goldberg, theorem 4)."""

    def body(u: Any) -> Any:
        gained = u - real(1.0)
        exact = tirx.any(tirx.EQ(gained, real(0.0)), tirx.Not(u < real(math.inf)))
        plain = select(tirx.EQ(gained, real(0.0)), x, log(u))
        return select(exact, plain, log(u) * (x / gained))

    return let(x + real(1.0), body)


def _log_ends(x: Any, value: Any) -> Any:
    infinity = real(math.inf)
    inside = select(x < infinity, value, x)
    above = select(x > real(0.0), inside, select(tirx.EQ(x, real(0.0)), -infinity, real(math.nan)))
    return select(is_nan(x), x, above)


def _log_part(f: Any, e: Any) -> Any:
    def value(f: Any, e: Any) -> Any:
        z = f * f
        p = poly(
            f,
            7.0376836292e-2,
            -1.1514610310e-1,
            1.1676998740e-1,
            -1.2420140846e-1,
            1.4249322787e-1,
            -1.6668057665e-1,
            2.0000714765e-1,
            -2.4999993993e-1,
            3.3333331174e-1,
        )
        y = f * z * p + e * real(-2.12194440e-4) - z * real(0.5)
        return f + y + e * real(0.693359375)

    return bound([f, e], value)
