"""Maximum and minimum as IEEE 754 has them: a NaN in, a NaN out."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx

from pyjsml.kernels.math.values import bits_of, float_of, intrinsic, real, select
from pyjsml.kernels.tir.expression import dtype


def extreme_of(a: Any, b: Any, largest: bool) -> Any:
    """Return the larger or smaller of two values, or a NaN if there is one.

    Against a constant, one comparison and one select will do. The comparison is with the constant's
    neighbour, which changes nothing but what LLVM sees: of the plain form it would make a relaxed
    minimum or maximum, which may lose a NaN.
    """
    if isinstance(a, tirx.FloatImm):
        a, b = b, a
    if isinstance(b, tirx.FloatImm):
        beyond = real(_neighbour(b.value, largest, dtype(a)), dtype(a))
        return select(a < beyond if largest else a > beyond, b, a)
    return intrinsic("maximum" if largest else "minimum", a, b)


def extreme_of_vectors(a: Any, b: Any, largest: bool) -> Any:
    """Return the same of float32 in four lanes.

    One instruction gives the first operand where either is NaN. Of two variables it is taken both
    ways round: the bits of a number and a NaN together are a NaN's. The instruction that treats
    both sides alike takes eight on x86.
    """
    name = "wasm.pmax" if largest else "wasm.pmin"
    if isinstance(a, tirx.FloatImm):
        a, b = b, a
    picked = intrinsic(name, a, b)
    if isinstance(b, tirx.FloatImm):
        return picked
    return float_of(bits_of(picked) | bits_of(intrinsic(name, b, a)))


def _neighbour(value: float, above: bool, kind: str) -> float:
    """Return the number of dtype `kind` that comes next to `value`."""
    number = np.dtype(kind).type
    return float(np.nextafter(number(value), number(np.inf if above else -np.inf)))
