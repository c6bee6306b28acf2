"""The hyperbola's functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

from tvm import tirx

from pyjsml.kernels.math.exponential import half_exp
from pyjsml.kernels.math.logarithm import log, log1p
from pyjsml.kernels.math.values import LN2, absolute, clamp, let, poly, real, select, signed


def tanh(x: Any) -> Any:
    """6 ulp; the rational function is Eigen's."""

    def ratio(x: Any) -> Any:
        def value(z: Any) -> Any:
            p = poly(
                z,
                -2.76076847742355e-16,
                2.00018790482477e-13,
                -8.60467152213735e-11,
                5.12229709037114e-08,
                1.48572235717979e-05,
                6.37261928875436e-04,
                4.89352455891786e-03,
            )
            q = poly(
                z,
                1.19825839466702e-06,
                1.18534705686654e-04,
                2.26843463243900e-03,
                4.89352518554385e-03,
            )
            return x * p / q

        return let(x * x, value)

    bounded = let(clamp(x, -7.90531110763549805, 7.90531110763549805), ratio)
    return select(absolute(x) < real(0.0004), x, bounded)


def sinh(x: Any) -> Any:
    """4 ulp; the polynomial is Cephes sinhf."""

    def body(a: Any) -> Any:
        def small(z: Any) -> Any:
            p = poly(z, 2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1)
            return p * z * a + a

        large = let(half_exp(a), lambda e: e - real(0.25) / e)
        return signed(select(a > real(1.0), large, let(a * a, small)), x)

    return let(absolute(x), body)


def cosh(x: Any) -> Any:
    """4 ulp; through `exp`."""
    return let(half_exp(absolute(x)), lambda e: e + real(0.25) / e)


def asinh(x: Any) -> Any:
    """4 ulp; through `log1p`."""

    def body(a: Any) -> Any:
        near = log1p(a + a * a / (real(1.0) + tirx.sqrt(a * a + real(1.0))))
        return signed(select(a > real(1e9), log(a) + real(LN2), near), x)

    return let(absolute(x), body)


def acosh(x: Any) -> Any:
    """4 ulp; through `log1p`."""

    def body(t: Any) -> Any:
        near = log1p(t + tirx.sqrt(t * t + t + t))
        value = select(x > real(1e9), log(x) + real(LN2), near)
        return select(x < real(1.0), real(math.nan), value)

    return let(x - real(1.0), body)


def atanh(x: Any) -> Any:
    """4 ulp; through `log1p`."""

    def body(a: Any) -> Any:
        return signed(log1p((a + a) / (real(1.0) - a)) * real(0.5), x)

    return let(absolute(x), body)
