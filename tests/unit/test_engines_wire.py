"""Tensors and errors on their way between Python and a host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyjsml.engines.wire import as_tensors, to_engine_error, to_error
from pyjsml.errors import DigestError, EngineError, InputError


def test_tensors_are_contiguous_and_native() -> None:
    given: dict[str, Any] = {"a": np.arange(6, dtype=">i2").reshape(2, 3).T, "b": 3, "c": [True]}
    tensors = as_tensors(given)
    assert tensors["a"].dtype == np.dtype("i2")
    assert tensors["a"].flags.c_contiguous
    assert tensors["a"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (tensors["b"].shape, tensors["c"].dtype) == ((), np.dtype("bool"))


def test_python_numbers_take_the_dtype_that_is_wanted() -> None:
    wanted = {"a": "float32", "b": "float32", "c": "int32", "d": "float32"}
    given: dict[str, Any] = {"a": [[1.5, 2.0]], "b": 3, "c": [0.5], "d": np.zeros(2)}
    tensors = as_tensors(given, wanted)
    dtypes = {name: str(array.dtype) for name, array in tensors.items()}
    # A fraction is no integer, and an array is what it says that it is: the runtime refuses both.
    assert dtypes == {"a": "float32", "b": "float32", "c": "float64", "d": "float64"}
    assert tensors["a"].tolist() == [[1.5, 2.0]]


def test_arrays_that_need_no_change_are_not_copied() -> None:
    array = np.zeros((2, 3), np.float32)
    assert np.shares_memory(as_tensors({"x": array})["x"], array)


def test_what_no_tensor_holds_is_listed_whole() -> None:
    given: dict[str, Any] = {
        "a": [[1], [1, 2]],
        "b": np.array(["x"]),
        "c": np.array([None]),
        "d": 1j,
        "e": 1.0,
    }
    with pytest.raises(InputError) as caught:
        as_tensors(given)
    assert [problem[0] for problem in caught.value.problems] == list("abcd")


def test_an_error_keeps_its_class_and_its_problems() -> None:
    message = "m: the inputs don't fit\n  - x: is missing\n  - z: unknown"
    failure = {
        "name": "InputError",
        "message": message,
        "problems": ["x: is missing", "z: unknown"],
    }
    error = to_error(failure)
    assert isinstance(error, InputError)
    assert error.problems == ("x: is missing", "z: unknown")
    assert str(error) == message
    failure = {"name": "DigestError", "message": "changed", "problems": []}
    assert isinstance(to_error(failure, "noise"), DigestError)
    assert str(to_error(failure, "noise")) == "changed"


@pytest.mark.parametrize("name", ["RangeError", "EngineError", "Sequence", "Exception", "__doc__"])
def test_an_unknown_error_keeps_its_name(name: str) -> None:
    error = to_error({"name": name, "message": "no", "problems": []}, "said\n")
    assert isinstance(error, EngineError)
    assert (error.type, str(error)) == (name, f"{name}: no\nsaid")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("Error in file evaluate, on line 1, column 7:\nRangeError: x: y\n", "RangeError", "x: y"),
        (
            "<anonymous>:1: SyntaxError: bad\nlet x = ;\n  ^\n\nSyntaxError: bad\n",
            "SyntaxError",
            "bad",
        ),
        ("uncaught exception: InternalError: out of memory", "InternalError", "out of memory"),
        ("uncaught exception: out of memory", "Error", "uncaught exception: out of memory"),
    ],
)
def test_an_error_that_no_harness_caught(text: str, name: str, message: str) -> None:
    error = to_engine_error(text)
    assert (error.type, str(error)) == (name, f"{name}: {message}")
