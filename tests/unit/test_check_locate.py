"""Which op is named where several differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyjsml.check.locate import first_divergence, produced_values


def value(name: str) -> dict[str, Any]:
    return {"name": name, "dtype": "float32", "shape": [3], "node": name}


def op(name: str, output: int) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "k",
        "inputs": [],
        "outputs": [output],
        "origins": [{"node": name}],
    }


# The schedule runs `b` before `a`.
MODEL: dict[str, Any] = {
    "values": [value("va"), value("vb"), value("vc")],
    "ops": [op("a", 0), op("b", 1), op("c", 2)],
    "main": [["call", 1], ["call", 0], ["call", 2]],
}
RIGHT = {name: np.array([0, 100, -100], "f4") for name in ("va", "vb", "vc")}


def wrong(**changes: float) -> dict[str, np.ndarray]:
    """Return RIGHT with an amount added to the first element of some values."""
    return {
        name: right + np.array([changes.get(name, 0), 0, 0], "f4") for name, right in RIGHT.items()
    }


def named(actual: dict[str, np.ndarray]) -> str | None:
    suspect = first_divergence(MODEL, actual, RIGHT, "wasm")
    return suspect.op if suspect else None


def test_values_come_in_schedule_order() -> None:
    assert [p.value["name"] for p in produced_values(MODEL)] == ["vb", "va", "vc"]


def test_nothing_differs() -> None:
    assert named(wrong()) is None


def test_the_first_in_schedule_order_is_named() -> None:
    assert named(wrong(va=1, vb=1, vc=1)) == "b"
    assert named(wrong(va=1, vc=1)) == "a"


def test_rounding_among_large_values_is_no_fault() -> None:
    # 0.001 beside 100 is rounding, though it exceeds the tolerance of an element that is 0.
    assert named(wrong(vb=0.001, va=1)) == "a"


def test_without_a_larger_fault_the_smaller_is_named() -> None:
    assert named(wrong(va=0.001)) == "a"


def test_a_value_may_have_another_shape_than_its_node() -> None:
    expected = {name: right.reshape(1, 3, 1) for name, right in RIGHT.items()}
    assert first_divergence(MODEL, wrong(), expected, "wasm") is None
    suspect = first_divergence(MODEL, wrong(va=1), expected, "wasm")
    assert suspect is not None
    assert suspect.comparison.worst == (0,)


def test_values_that_one_side_lacks_are_passed_over() -> None:
    actual = wrong(va=1, vb=1)
    del actual["vb"]
    assert named(actual) == "a"
