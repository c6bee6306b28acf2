"""Rounding, roots and remainders."""

from __future__ import annotations

import math
from typing import Any

from tvm import tirx

from pyjsml.kernels.math.values import absolute, bound, intrinsic, real, select
from pyjsml.kernels.tir.expression import cast, dtype


def round_even(x: Any) -> Any:
    """Exact; halves go to even, as in numpy, torch and ONNX."""
    return intrinsic("nearbyint", x)


def rsqrt(x: Any) -> Any:
    """1 ulp."""
    return real(1.0, dtype(x)) / tirx.sqrt(x)


def hypot(x: Any, y: Any) -> Any:
    """1 ulp; squared in float64, where nothing overflows."""

    def value(a: Any, b: Any) -> Any:
        infinite = tirx.any(
            tirx.EQ(absolute(x), real(math.inf)), tirx.EQ(absolute(y), real(math.inf))
        )
        return select(infinite, real(math.inf), cast(tirx.sqrt(a * a + b * b), "float32"))

    return bound([cast(v, "float64") for v in (x, y)], value)


def fmod(x: Any, y: Any) -> Any:
    """Exact while the quotient is below 2^53."""

    def value(a: Any, b: Any) -> Any:
        unchanged = tirx.all(tirx.EQ(absolute(y), infinity), absolute(x) < infinity)
        return select(unchanged, x, cast(a - tirx.trunc(a / b) * b, "float32"))

    infinity = real(math.inf)
    return bound([cast(x, "float64"), cast(y, "float64")], value)
