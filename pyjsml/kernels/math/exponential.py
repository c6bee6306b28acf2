"""Powers of constants, and the logistic function, which is made of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tvm import tirx

from pyjsml.kernels.math.values import (
    LN2,
    LOG2E,
    bits_of,
    clamp,
    float_of,
    integer,
    let,
    poly,
    real,
    select,
)

LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
MAGIC = 12582912.0
"""1.5 · 2^23: adding it rounds to an integer, and leaves it in the low bits of the sum."""
BIAS = 127
"""Of the exponent of a float32."""
LN10 = math.log(10)
LOG2_10 = math.log2(10)


def exp(x: Any) -> Any:
    """1 ulp; the polynomial is `_exp_part`'s."""
    return _exp(x, LOG2E, [LN2_HIGH, LN2_LOW], 1.0, (-104.0, 89.0))


def exp_to_one(x: Any) -> Any:
    """2 ulp from -87 to 0, and 0 below: for powers that are summed up, the largest of them 1."""

    def scaled(x: Any) -> Any:
        def result(t: Any) -> Any:
            n = t - real(MAGIC + BIAS)
            rest = n * real(-LN2_LOW) + (n * real(-LN2_HIGH) + x)
            # The shift drops all of the magic number's bits, and n becomes an exponent.
            power = float_of(bits_of(t) << integer(23))
            return let(rest, lambda r: _exp_part(r) * power)

        value = let(x * real(LOG2E) + real(MAGIC + BIAS), result)
        return let(value, lambda y: select(x < real(-87.0), real(0.0), y))

    return let(x, scaled)


def exp2(x: Any) -> Any:
    """2 ulp; the polynomial is `_exp_part`'s."""
    return _exp(x, 1.0, [1.0], LN2, (-150.0, 128.0))


def exp10(x: Any) -> Any:
    """3 ulp; the polynomial is `_exp_part`'s."""
    return _exp(x, LOG2_10, [0.301025390625, 4.605038981195214e-6], LN10, (-46.0, 39.0))


def sigmoid(x: Any) -> Any:
    """4 ulp down to x = -87; through e^-x, which may be 0 or infinite early beside 1."""
    return times_sigmoid(real(1.0), x)


def times_sigmoid(factor: Any, x: Any) -> Any:
    """4 ulp, as sigmoid: factor · sigmoid(x) as one quotient."""
    return factor / (real(1.0) + let(clamp(x, -89.0, 87.0), _exp_of_minus))


def _exp_of_minus(x: Any) -> Any:
    """Return e^-x for x from -89 to 87, where 2^n is normal or infinite.

    Exponents get their bias from the number whose addition rounds, and constants the sign of -x.
    The polynomial is the one of degree 5, 1 + r + …, whose greatest relative error is least within
    half of ln 2 of 0 (1.1e-7, by linear programming over 4001 points).
    """

    def result(t: Any) -> Any:
        n = t - real(MAGIC + BIAS)
        minus_r = n * real(LN2_LOW) + (n * real(LN2_HIGH) + x)
        power = float_of(bits_of(t) << integer(23))
        return let(minus_r, lambda s: part(s) * power)

    def part(s: Any) -> Any:
        return poly(
            s,
            -8.3124779769e-3,
            4.1890549920e-2,
            -1.6667116311e-1,
            4.9999228826e-1,
            -1.0,
            1.0,
        )

    return let(x * real(-LOG2E) + real(MAGIC + BIAS), result)


def _exp(
    x: Any,
    per_power: float,
    power: Sequence[float],
    unit: float,
    bounds: tuple[float, float],
    halved: bool = False,
) -> Any:
    """Return 2^n · e^(unit · r), where x = n powers + r and n = round(x · per_power).

    A power is given in parts, the first of few bits, so that n times it is exact. `halved` returns
    half of the result, which may be finite where the whole is not.
    """
    low, high = bounds

    def scaled(x: Any, near: Any) -> Any:
        def rest(n: Any) -> Any:
            r = x
            for part in power:
                r = n * real(-part) + r
            return r * real(unit) if unit != 1.0 else r

        def result(t: Any) -> Any:
            n = t - real(MAGIC)
            offset = 0x4B400000 + int(halved)
            return let(let(n, rest), lambda r: ldexp(_exp_part(r), bits_of(t) - integer(offset)))

        return let(near * real(per_power) + real(MAGIC), result)

    def ended(x: Any) -> Any:
        # Only n has to stay in bounds. Beyond them the rest is large, and so is the result above;
        # below it is 0. A NaN goes its way through the rest.
        value = scaled(x, clamp(x, low, high))
        return let(value, lambda y: select(x < real(low), real(0.0), y))

    return let(x, ended)


def half_exp(x: Any) -> Any:
    """Return e^x / 2, which is finite a little longer than e^x."""
    return _exp(x, LOG2E, [LN2_HIGH, LN2_LOW], 1.0, (-104.0, 90.0), halved=True)


def _exp_part(r: Any) -> Any:
    """Return e^r for r within half of ln 2 of 0.

    The polynomial is the one of degree 6, 1 + r + …, whose greatest relative error is least there
    (6e-9, by Remez's exchange): one multiply-add for each degree.
    """
    return poly(
        r,
        1.3814540072e-3,
        8.3687451078e-3,
        4.1668390786e-2,
        1.6666520399e-1,
        4.9999993432e-1,
        1.0,
        1.0,
    )


def ldexp(x: Any, n: Any) -> Any:
    """Multiply by 2^n, in two steps, so that results may overflow or be subnormal."""
    half = tirx.Var("half", "int32")
    steps = (
        x
        * float_of((half + integer(127)) << integer(23))
        * float_of((n - half + integer(127)) << integer(23))
    )
    return tirx.Let(half, n >> integer(1), steps)
