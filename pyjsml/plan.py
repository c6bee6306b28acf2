"""Lay out a bundle's memory plan for given dims: where each value lies, and each region's peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyjsml.addresses import addresses, item_size
from pyjsml.dims import evaluate, from_json, product
from pyjsml.program import Placement, Value


@dataclass(frozen=True)
class Slot:
    """A value's place: bytes `[offset, offset + size)` of its region, from step first to step last.

    Steps are the calls of the model's main block. `first` is -1 for what is there
    before the first step: weights and the model's inputs.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    region: str
    offset: int
    size: int
    alias: str
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Every value's slot, and the bytes that each region takes for `dims`."""

    dims: Mapping[str, int]
    slots: tuple[Slot, ...]
    peaks: Mapping[str, int]


def lay_out(model: Mapping[str, Any], dims: Mapping[str, int]) -> Plan:
    """Place the values of `model` (as in a manifest) for the dims' sizes in `dims`."""
    names = [value["name"] for value in model["values"]]
    values = {value["name"]: _value(value) for value in model["values"]}
    placements = {value["name"]: _placement(value, names) for value in model["values"]}
    laid_out = addresses(values, placements, dims)
    lives = _lives(model)
    slots = tuple(
        Slot(
            name,
            value.dtype,
            tuple(evaluate(size, dims) for size in value.shape),
            placements[name].region,
            laid_out.offsets[name],
            evaluate(product(value.shape), dims) * item_size(value.dtype),
            placements[name].alias,
            *lives.get(index, (-1, -1)),
        )
        for index, (name, value) in enumerate(values.items())
    )
    return Plan(dict(dims), slots, laid_out.regions)


def typical_dims(model: Mapping[str, Any]) -> dict[str, int]:
    """Give each dim its largest size, or its smallest where the model sets no bound."""
    return {dim["name"]: dim["min"] if dim["max"] is None else dim["max"] for dim in model["dims"]}


def _value(value: Mapping[str, Any]) -> Value:
    return Value(value["name"], value["dtype"], tuple(map(from_json, value["shape"])))


def _placement(value: Mapping[str, Any], names: Sequence[str]) -> Placement:
    after = tuple(names[index] for index in value.get("after", ()))
    return Placement(value["region"], after, names[value["alias"]] if "alias" in value else "")


def _lives(model: Mapping[str, Any]) -> dict[int, tuple[int, int]]:
    """Return the first and the last main step that touches each value."""
    lives: dict[int, tuple[int, int]] = {port["value"]: (-1, -1) for port in model["inputs"]}
    calls = [model["ops"][target] for kind, target in model["main"] if kind == "call"]
    for step, op in enumerate(calls):
        for index in (*op["inputs"], *op["outputs"]):
            first, _ = lives.get(index, (step if index in op["outputs"] else -1, step))
            lives[index] = (first, step)
    for port in model["outputs"]:
        first, _ = lives.get(port["value"], (-1, -1))
        lives[port["value"]] = (first, len(calls) - 1)
    return lives
