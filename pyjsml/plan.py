"""Lay out a bundle's memory plan for given dims: where each value lies, and each region's peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyjsml.dims import evaluate, from_json, product

_ALIGNMENT = 16


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
    values = model["values"]
    shapes = [tuple(evaluate(from_json(expr), dims) for expr in value["shape"]) for value in values]
    ends: dict[int, int] = {}
    offsets: dict[int, int] = {}

    def end(index: int) -> int:
        if index not in ends:
            value = values[index]
            if "alias" in value:
                end(value["alias"])
                offsets[index], ends[index] = offsets[value["alias"]], ends[value["alias"]]
            else:
                offsets[index] = max(map(end, value.get("after", ())), default=0)
                ends[index] = offsets[index] + _rounded(shapes[index], value["dtype"])
        return ends[index]

    peaks = {"persistent": 0, "load": 0, "main": 0}
    for index, value in enumerate(values):
        peaks[value["region"]] = max(peaks[value["region"]], end(index))
    lives = _lives(model)
    slots = tuple(
        Slot(
            value["name"],
            value["dtype"],
            shapes[index],
            value["region"],
            offsets[index],
            int(np.prod(shapes[index], dtype=np.int64)) * np.dtype(value["dtype"]).itemsize,
            values[value["alias"]]["name"] if "alias" in value else "",
            *lives.get(index, (-1, -1)),
        )
        for index, value in enumerate(values)
    )
    return Plan(dict(dims), slots, peaks)


def typical_dims(model: Mapping[str, Any]) -> dict[str, int]:
    """Give each dim its largest size, or its smallest where the model sets no bound."""
    return {dim["name"]: dim["min"] if dim["max"] is None else dim["max"] for dim in model["dims"]}


def _rounded(shape: tuple[int, ...], dtype: str) -> int:
    size = int(product(shape)) * np.dtype(dtype).itemsize  # type: ignore[arg-type]
    return -(-size // _ALIGNMENT) * _ALIGNMENT


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
