"""Tolerances and the comparison of two arrays."""

from __future__ import annotations

import numpy as np
import pytest

from pyjsml.check.compare import Comparison, compare
from pyjsml.check.tolerance import Tolerance, tolerance
from pyjsml.errors import OptionError

F32 = tolerance("float32", "wasm")


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_tolerances() -> None:
    assert Tolerance(1e-4, 1e-4) == F32
    assert str(F32) == "0.0001 + 0.0001|b|"
    for dtype in ("int8", "uint64", "bool"):
        assert tolerance(dtype, "wasm") == Tolerance(0, 0)
    assert str(tolerance("int64", "wasm")) == "exact"
    assert str(Tolerance(0.00243959, 0)) == "0.0024"
    assert tolerance("float16", "wasm").absolute > F32.absolute
    assert tolerance("float64", "wasm").absolute < F32.absolute
    assert tolerance("float32", "webgl2") == Tolerance(1e-3, 1e-3)
    assert tolerance("int32", "webgl2") == Tolerance(0, 0)
    assert tolerance("float64", "webgl2") == Tolerance(1e-3, 1e-3)
    assert tolerance("float32", "webgl2", "float16") == Tolerance(0, 0, 0.02)
    assert str(tolerance("float32", "webgl2", "float16")) == "0.02 max|b|"
    assert tolerance("bool", "webgl2", "float16") == Tolerance(0, 0)
    with pytest.raises(OptionError, match="webgpu"):
        tolerance("float32", "webgpu")


def test_the_worst_element_is_the_one_furthest_outside_its_tolerance() -> None:
    expected = floats(1000, 1, 0).reshape(3, 1)
    result = compare(expected + floats(0.09, 0.01, 0).reshape(3, 1), expected, F32)
    assert not result.ok
    assert result.worst == (1, 0)
    assert result.mismatched == 1
    assert result.size == 3
    assert result.max_abs == pytest.approx(0.09, rel=1e-2)
    assert result.max_rel == pytest.approx(0.01, rel=1e-3)
    assert result.actual == pytest.approx(1.01)
    assert result.expected == 1


@pytest.mark.parametrize("difference", [0.99e-4, -0.99e-4])
def test_within_the_tolerance(difference: float) -> None:
    assert compare(floats(difference), floats(0), F32).ok
    assert compare(floats(1 + 1.9e-4), floats(1), F32).ok
    assert not compare(floats(1 + 2.1e-4), floats(1), F32).ok


def test_within_a_share_of_the_largest() -> None:
    share = Tolerance(0, 0, 0.02)
    expected = floats(0, -50, 0.5, np.inf)
    off = floats(0.99, 0.99, -0.99, 0)
    assert compare(expected + off, expected, share).ok
    result = compare(expected + 1.02 * off, expected, share)
    assert (result.ok, result.mismatched) == (False, 3)
    # Of what is smaller than one, which all of them may be off by, it says nothing.
    assert result.max_rel == pytest.approx(1.02 * 0.99 / 50, rel=1e-3)


def test_relative_errors_of_tiny_values_are_left_out() -> None:
    assert compare(floats(1e-9), floats(1e-12), F32).max_rel == 0


@pytest.mark.parametrize(
    ("actual", "expected", "ok"),
    [
        (np.nan, np.nan, True),
        (np.inf, np.inf, True),
        (-np.inf, np.inf, False),
        (np.inf, 1, False),
        (3e38, np.inf, False),
        (np.nan, 1, False),
        (1, np.nan, False),
        (np.nan, np.inf, False),
    ],
)
def test_values_that_are_no_numbers(actual: float, expected: float, ok: bool) -> None:
    result = compare(floats(0, actual), floats(0, expected), F32)
    assert result.ok is ok
    assert result.max_abs == (0 if ok else np.inf)
    assert result.mismatched == (0 if ok else 1)
    if not ok:
        assert result.worst == (1,)


@pytest.mark.parametrize(
    ("dtype", "actual", "expected", "distance"),
    [
        ("int64", 2**62, 2**62 + 1, 1),
        ("int64", -(2**63), 2**63 - 1, 2.0**64),
        ("uint64", 0, 2**64 - 1, 2.0**64),
        ("int8", -128, 127, 255),
        ("uint8", 3, 4, 1),
        ("bool", True, False, 1),
    ],
)
def test_integers_are_exact(dtype: str, actual: int, expected: int, distance: float) -> None:
    exact = tolerance(dtype, "wasm")
    left, right = np.array([actual], dtype), np.array([expected], dtype)
    assert compare(left, left, exact).ok
    result = compare(left, right, exact)
    assert not result.ok
    assert result.max_abs == distance


def test_scalars_and_empty_arrays() -> None:
    assert compare(np.ones((), "f4"), np.ones((), "f4"), F32).worst == ()
    assert compare(np.zeros((0, 3), "f4"), np.zeros((0, 3), "f4"), F32) == Comparison(True)


def test_arrays_that_can_not_be_compared() -> None:
    assert "shape (2,), expected (1, 2)" in compare(floats(1, 2), floats(1, 2)[None], F32).problem
    other = compare(floats(1), np.array([1]), F32)
    assert not other.ok
    assert "dtype float32, expected int64" in other.problem
