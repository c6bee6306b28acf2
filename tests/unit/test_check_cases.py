"""Where a check's inputs come from: vectors and random samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyjsml.check.samples import UNBOUNDED, sample_cases
from pyjsml.check.vectors import read_vectors
from pyjsml.errors import VectorsError

MODEL: dict[str, Any] = {
    "dims": [{"name": "n", "min": 1, "max": 9}],
    "inputs": [{"name": "x", "dtype": "float32", "shape": ["n", 2], "value": 0}],
    "outputs": [{"name": "y", "dtype": "float32", "shape": ["n"], "value": 1}],
    "values": [],
    "ops": [],
}
X, Y = np.zeros((1, 2), "f4"), np.zeros(1, "f4")


def save(path: Path, x: np.ndarray, how: Callable[..., None] = np.savez) -> None:
    how(path, **{"in:x": x, "out:y": Y})


def test_vectors_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    save(path, X)
    case = read_vectors(path, MODEL)
    assert (list(case.inputs), list(case.outputs)) == (["x"], ["y"])


def test_vectors_that_do_not_fit() -> None:
    given = {"in:z": X, "out:w": Y, "y": Y}
    with pytest.raises(VectorsError, match="takes x and gives y") as caught:
        read_vectors(given, MODEL)
    assert caught.value.problems == (
        "in:x is missing",
        "in:z is no input of the model",
        "out:w is no output of the model",
        "y is neither in:NAME nor out:NAME",
    )


def test_vectors_without_outputs() -> None:
    with pytest.raises(VectorsError, match="nothing to compare with"):
        read_vectors({"in:x": X}, MODEL)


def write_nothing(path: Path) -> None:
    del path


def write_text(path: Path) -> None:
    path.write_text("hello")


def write_truncated(path: Path) -> None:
    save(path, np.zeros(1000))
    path.write_bytes(path.read_bytes()[:500])


def write_damaged(path: Path) -> None:
    save(path, np.arange(1000), np.savez_compressed)
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(data)


def write_objects(path: Path) -> None:
    save(path, np.array([None]))


def write_bare_array(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, X)


@pytest.mark.parametrize(
    "write",
    [write_nothing, write_text, write_truncated, write_damaged, write_objects, write_bare_array],
)
def test_files_that_hold_no_vectors(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "v.npz"
    write(path)
    with pytest.raises(VectorsError, match=r"v\.npz"):
        read_vectors(path, MODEL)


def test_samples_try_each_dim_at_its_ends_and_in_the_middle() -> None:
    cases = sample_cases(MODEL)
    assert [case.name for case in cases] == ["random n=1", "random n=5", "random n=9"]
    assert [case.inputs["x"].shape for case in cases] == [(1, 2), (5, 2), (9, 2)]
    assert all(case.inputs["x"].dtype == np.float32 for case in cases)


def test_samples_of_dims_without_a_maximum() -> None:
    model = MODEL | {"dims": [{"name": "n", "min": 3, "max": None}]}
    assert [len(case.inputs["x"]) for case in sample_cases(model)] == [
        3,
        3 + UNBOUNDED // 2,
        3 + UNBOUNDED,
    ]


def test_samples_of_a_static_model() -> None:
    port = {"name": "x", "dtype": "float32", "shape": [["*", 2, 3]], "value": 0}
    (case,) = sample_cases(MODEL | {"dims": [], "inputs": [port]})
    assert case.name == "random"
    assert case.inputs["x"].shape == (6,)


def test_samples_are_reproducible() -> None:
    first, again, other = (sample_cases(MODEL, seed)[2].inputs["x"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("dtype", "tables", "values"),
    [
        ("int64", [], {0, 1}),
        ("int64", [[5, 4], [3, 4], [2]], {0, 1, 2}),
        ("int32", [[2, 4, 4]], {0, 1}),
        ("uint8", [], set(range(256))),
        ("int8", [], set(range(-128, 128))),
        ("uint8", [[4, 4]], {0, 1, 2, 3}),
        ("bool", [], {False, True}),
    ],
)
def test_samples_of_integers_stay_in_the_tables_they_may_index(
    dtype: str, tables: list[Any], values: set[int]
) -> None:
    weights = [{"shape": shape, "constant": f"w{i}"} for i, shape in enumerate(tables)]
    model = {
        "dims": [],
        "inputs": [{"name": "ids", "dtype": dtype, "shape": [10_000], "value": 0}],
        "values": [{"shape": [10_000]}, *weights, {"shape": [2, 2], "constant": "elsewhere"}],
        "ops": [{"inputs": list(range(len(tables) + 1))}],
    }
    (case,) = sample_cases(model)
    assert case.inputs["ids"].dtype == np.dtype(dtype)
    assert set(case.inputs["ids"].tolist()) == values
