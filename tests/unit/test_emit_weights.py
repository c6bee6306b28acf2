"""Weights keep their names, order, dtypes and values, in one file or in shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from pyjsml.emit.weights import safetensors_bytes, weight_files
from pyjsml.errors import VerifierError

if TYPE_CHECKING:
    from pyjsml.program import Array

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["float16", "float32", "float64", *INTEGERS, "bool"]


def names_in_order(file: bytes) -> Iterator[str]:
    size = int.from_bytes(file[:8], "little")
    assert (8 + size) % 8 == 0
    yield from json.loads(file[8 : 8 + size])


def test_every_dtype_and_shape_survives() -> None:
    tensors: dict[str, Array] = {
        dtype: np.arange(24).reshape(shape).astype(dtype)
        for dtype, shape in zip(DTYPES, [(24,), (2, 12), (2, 3, 4)] * 4, strict=True)
    }
    tensors["scalar"] = np.array(3, dtype=np.float32)
    tensors["empty"] = np.zeros((0, 3), dtype=np.int64)
    tensors["transposed"] = np.arange(6, dtype=np.int16).reshape(2, 3).T
    tensors["big endian"] = np.arange(3, dtype=">i4")
    file = safetensors_bytes(tensors)
    assert list(names_in_order(file)) == list(tensors)
    for name, array in load(file).items():
        np.testing.assert_array_equal(array, tensors[name])
        assert array.dtype.name == tensors[name].dtype.name


@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=40),
    name=st.text(min_size=1, max_size=20),
    limit=st.integers(600, 1500),
)
def test_shards_are_small_complete_and_in_order(sizes: list[int], name: str, limit: int) -> None:
    tensors: dict[str, Array] = {
        f"{name}.{number}": np.full(size, number, dtype=np.float32)
        for number, size in enumerate(sizes)
    }
    files = weight_files(tensors, limit)
    assert [name for file in files.values() for name in names_in_order(file)] == list(tensors)
    for file in files.values():
        held = load(file)
        assert len(file) <= limit or len(held) == 1
        for key, array in held.items():
            np.testing.assert_array_equal(array, tensors[key])


def test_names_of_shards_say_how_many_there_are() -> None:
    tensors: dict[str, Array] = {name: np.zeros(100, dtype=np.float32) for name in "abc"}
    assert list(weight_files(tensors)) == ["weights.safetensors"]
    assert list(weight_files(tensors, 900)) == [
        "weights-00001-of-00003.safetensors",
        "weights-00002-of-00003.safetensors",
        "weights-00003-of-00003.safetensors",
    ]


def test_a_tensor_larger_than_a_shard_is_not_split() -> None:
    tensors: dict[str, Array] = {
        "small": np.zeros(1, dtype=np.float32),
        "large": np.zeros(1000, dtype=np.float32),
        "last": np.zeros(1, dtype=np.float32),
    }
    files = weight_files(tensors, 900)
    assert [list(load(file)) for file in files.values()] == [["small"], ["large"], ["last"]]


def test_a_model_without_weights_has_an_empty_file() -> None:
    assert load(weight_files({})["weights.safetensors"]) == {}


def test_refuses_a_dtype_that_has_no_form() -> None:
    with pytest.raises(VerifierError, match="complex64"):
        safetensors_bytes({"w": np.zeros(1, dtype=np.complex64)})
