"""Compare two arrays element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyjsml.check.tolerance import Tolerance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyjsml.program import Array


@dataclass(frozen=True)
class Comparison:
    """What came of comparing an array with the expected one.

    `max_rel` is taken over the elements whose expected value is larger than what a zero may be off
    by: of smaller ones a relative error says nothing. `worst` is the index of the element that
    exceeds its tolerance by most (or comes nearest to it), `actual` and `expected` the values
    there. An empty `worst` goes with scalars and with empty arrays. `mismatched` counts the
    elements outside the tolerance. `problem` says why nothing could be compared (another dtype or
    shape).
    """

    ok: bool
    max_abs: float = 0.0
    max_rel: float = 0.0
    worst: tuple[int, ...] = ()
    actual: float = 0.0
    expected: float = 0.0
    mismatched: int = 0
    size: int = 0
    problem: str = ""


def compare(actual: Array, expected: Array, tolerance: Tolerance) -> Comparison:
    """Compare `actual` with `expected`. NaN equals NaN, and an infinity equals itself alone."""
    if actual.dtype.name != expected.dtype.name:
        return Comparison(False, problem=f"dtype {actual.dtype}, expected {expected.dtype}")
    if actual.shape != expected.shape:
        return Comparison(False, problem=f"shape {actual.shape}, expected {expected.shape}")
    if actual.size == 0:
        return Comparison(True)
    if actual.dtype == np.bool_:
        actual, expected = actual.view(np.uint8), expected.view(np.uint8)
    difference = _difference(actual, expected)
    magnitude = np.abs(expected.astype(np.float64))
    of_zero = tolerance.absolute + tolerance.largest * largest(expected)
    with np.errstate(invalid="ignore", over="ignore"):
        allowed = of_zero + tolerance.relative * np.where(np.isfinite(magnitude), magnitude, 0.0)
        excess = difference - allowed
    worst = int(np.argmax(excess))
    significant = np.isfinite(magnitude) & (magnitude > of_zero)
    mismatched = int(np.count_nonzero(excess > 0))
    return Comparison(
        ok=mismatched == 0,
        max_abs=float(difference.max()),
        max_rel=float(np.max(difference[significant] / magnitude[significant], initial=0.0)),
        worst=tuple(int(i) for i in np.unravel_index(worst, expected.shape)),
        actual=float(actual.flat[worst]),
        expected=float(expected.flat[worst]),
        mismatched=mismatched,
        size=actual.size,
    )


def largest(array: Array) -> float:
    """Return the largest magnitude of what is finite in `array`; 0 where nothing is."""
    magnitude = np.abs(array.astype(np.float64))
    return float(np.max(magnitude[np.isfinite(magnitude)], initial=0.0))


def _difference(actual: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.float64]:
    """Return `|actual - expected|`: where not both are finite, 0 if they are alike, else inf."""
    if actual.dtype.kind in "iu":
        # Wrapping subtraction, read as unsigned, is the distance between any two integers.
        larger = np.where(actual > expected, actual, expected)
        smaller = np.where(actual > expected, expected, actual)
        return (larger - smaller).view(f"u{actual.dtype.itemsize}").astype(np.float64)
    left, right = actual.astype(np.float64), expected.astype(np.float64)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        distance = np.abs(left - right)
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))
