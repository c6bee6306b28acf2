"""Powers of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import te, tirx

FACTORS = 63
"""Of any base but 0, 1 and -1, no higher power fits in 64 bits."""


def integer_power(base: te.Tensor, exponent: te.Tensor, shape: Sequence[Any]) -> te.Tensor:
    """Return base ^ exponent in the dtype of `base`; both broadcast to `shape`.

    What overflows wraps. A negative exponent gives the whole part of the fraction: 0, but for the
    bases 1 and -1.
    """
    one, zero = tirx.const(1, base.dtype), tirx.const(0, base.dtype)
    factor = te.reduce_axis((0, FACTORS), "factor")
    multiply = te.comm_reducer(lambda x, y: x * y, lambda dtype: tirx.const(1, dtype), name="prod")

    def product(*at: Any) -> Any:
        wanted = tirx.abs(_element(exponent, at))
        # The powers of 1 and -1 go on and on: an exponent's parity decides.
        wanted = tirx.Select(wanted > FACTORS, FACTORS - 1 + wanted % 2, wanted)
        return multiply(tirx.Select(factor < wanted, _element(base, at), one), axis=[factor])

    powers = te.compute(shape, product, name="integer_power")

    def element(*at: Any) -> Any:
        value = _element(base, at)
        fraction = tirx.all(_element(exponent, at) < 0, value != one, value * value != one)
        return tirx.Select(fraction, zero, powers(*at))

    return te.compute(shape, element, name="whole_power")


def _element(tensor: te.Tensor, at: Sequence[Any]) -> Any:
    """Return the element of `tensor` that broadcasts to the position `at`."""
    own = at[len(at) - len(tensor.shape) :]
    return tensor(
        *[
            0 if isinstance(size, tirx.IntImm) and int(size) == 1 else index
            for size, index in zip(tensor.shape, own, strict=True)
        ]
    )
