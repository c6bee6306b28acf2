"""A bundle as what is left to be done by hand: kernels with their arguments, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyjsml.addresses import REGIONS
from pyjsml.dims import evaluate, from_json
from pyjsml.plan import lay_out

REGION_ALIGNMENT = 64


@dataclass(frozen=True)
class Call:
    """A kernel; the offsets of its operands, and the numbers that follow them as they are."""

    kernel: str
    operands: tuple[int, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Read:
    """A weight, and the offset that it is copied to."""

    weight: str
    offset: int


@dataclass(frozen=True)
class Listing:
    """The steps of a model of static shapes.

    Offsets count from the base of the heap, rounded up to REGION_ALIGNMENT.
    """

    load: tuple[Call | Read, ...]
    main: tuple[Call, ...]
    inputs: Mapping[str, int]
    outputs: tuple[tuple[int, int], ...]
    """Of each, its offset and its bytes."""
    bytes: int
    """The memory that all values take."""


def list_calls(model: Mapping[str, Any]) -> Listing:
    """List what `model` (as in a manifest) does, as docs/bundle-format.md says."""
    plan = lay_out(model, {})
    persistent = _align(plan.peaks["persistent"])
    starts = {region: 0 if region == "persistent" else persistent for region in REGIONS}
    offsets = [starts[slot.region] + slot.offset for slot in plan.slots]

    def step(kind: str, target: int) -> list[Call | Read]:
        if kind == "read":
            return [Read(model["values"][target]["constant"], offsets[target])]
        op = model["ops"][target]
        if "kernel" not in op:
            return []
        operands = tuple(offsets[value] for value in (*op["inputs"], *op["outputs"]))
        dims = (evaluate(from_json(dim), {}) for dim in op.get("dims", ()))
        extent = evaluate(from_json(op.get("extent", 1)), {})
        return [Call(op["kernel"], operands, (*dims, 0, extent))]

    return Listing(
        load=tuple(each for kind, target in model["load"] for each in step(kind, target)),
        main=tuple(
            each
            for kind, target in model["main"]
            for each in step(kind, target)
            if isinstance(each, Call)
        ),
        inputs={port["name"]: offsets[port["value"]] for port in model["inputs"]},
        outputs=tuple(
            (offsets[port["value"]], plan.slots[port["value"]].size) for port in model["outputs"]
        ),
        bytes=persistent + max(plan.peaks["load"], plan.peaks["main"]),
    )


def _align(size: int) -> int:
    return -(-size // REGION_ALIGNMENT) * REGION_ALIGNMENT
