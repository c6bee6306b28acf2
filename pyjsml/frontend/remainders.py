"""Remainders of divisions, which of floats are defined for infinities too."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax


def truncated_remainder(builder: Any, x: Any, y: Any) -> Any:
    """Return what C's `fmod` and `%` do: a remainder with the sign of `x`."""
    if not _is_float(x):
        return relax.op.mod(x, y)
    whole = builder.emit(relax.op.trunc(relax.op.divide(x, y)))
    rest = builder.emit(relax.op.subtract(x, relax.op.multiply(whole, y)))
    # What is finite is its own remainder of an infinity.
    return relax.op.where(_fits(builder, x, y), x, rest)


def floored_remainder(builder: Any, x: Any, y: Any) -> Any:
    """Return what Python's `%` does: a remainder with the sign of `y`."""
    if not _is_float(x):
        return relax.op.floor_mod(x, y)
    whole = builder.emit(relax.op.floor(relax.op.divide(x, y)))
    rest = builder.emit(relax.op.subtract(x, relax.op.multiply(whole, y)))
    # What is finite and not of the other sign is its own remainder of an infinity, which is
    # that of what is.
    zero = relax.const(0, _dtype(x))
    below = builder.emit(relax.op.less(x, zero))
    above = builder.emit(relax.op.greater(x, zero))
    negative = builder.emit(relax.op.less(y, zero))
    differ = builder.emit(relax.op.where(negative, above, below))
    endless = builder.emit(relax.op.where(differ, y, x))
    return relax.op.where(_fits(builder, x, y), endless, rest)


def _fits(builder: Any, x: Any, y: Any) -> Any:
    """Return where `x` is finite and `y` is not."""
    infinity = relax.const(math.inf, _dtype(x))
    finite = builder.emit(relax.op.less(relax.op.abs(x), infinity))
    endless = builder.emit(relax.op.equal(relax.op.abs(y), infinity))
    return builder.emit(relax.op.logical_and(finite, endless))


def _dtype(x: Any) -> str:
    return str(x.ty.dtype.dtype)


def _is_float(x: Any) -> bool:
    return _dtype(x).startswith("float")
