"""How many bytes of a bundle's memory hold something that is still needed, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyjsml.plan import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class MemoryUse:
    """Bytes of a run's memory by step, and of the regions as a whole."""

    live: tuple[int, ...]
    """At each call of the main block: of all values that it, or a later one, still reads."""
    peak: int
    """What the plan reserves for them."""
    weights: int


def memory_use(model: Mapping[str, Any], dims: Mapping[str, int]) -> MemoryUse:
    """Follow the plan of `model`, as in a manifest, for the dims' sizes in `dims`."""
    plan = lay_out(model, dims)
    steps = sum(kind == "call" for kind, _ in model["main"])
    places: dict[str, tuple[int, int, int]] = {}
    for slot in plan.slots:
        if slot.region != "main":
            continue
        # A view shares the bytes of the value that it is a view of, which live as long as either.
        name = slot.alias or slot.name
        size, first, last = places.get(name, (slot.size, slot.first, slot.last))
        places[name] = max(size, slot.size), min(first, slot.first), max(last, slot.last)
    live = [0] * steps
    for size, first, last in places.values():
        for step in range(max(first, 0), last + 1):
            live[step] += size
    return MemoryUse(tuple(live), plan.peaks.get("main", 0), plan.peaks.get("persistent", 0))
