"""Where a plan puts each value once the dims are bound: what the runtime computes, for people and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyjsml.dims import evaluate, product
from pyjsml.program import Placement, Program, Value
from pyjsml.schedule.memory import align, item_size

REGIONS = ("persistent", "load", "main")


@dataclass(frozen=True)
class Addresses:
    """Offsets of values in their regions, and sizes of values and regions, in bytes."""

    offsets: Mapping[str, int]
    sizes: Mapping[str, int]
    regions: Mapping[str, int]

    @property
    def peak(self) -> int:
        """Bytes at the most: what persists, and the larger one of the two arenas."""
        return self.regions["persistent"] + max(self.regions["load"], self.regions["main"])


def addresses(program: Program, binding: Mapping[str, int]) -> Addresses:
    """Return where each value lies where `binding` gives each dim of a scheduled program."""
    placements = program.schedule.placements
    sizes = {value.name: _bytes(value, binding) for value in program.graph.values.values()}
    offsets: dict[str, int] = {}

    def place(name: str) -> int:
        if name not in offsets:
            placement = placements[name]
            if placement.alias:
                offsets[name] = place(placement.alias)
            else:
                ends = (place(other) + sizes[other] for other in placement.after)
                offsets[name] = max(ends, default=0)
        return offsets[name]

    for name in placements:
        place(name)
    regions = {
        region: max(
            (offsets[name] + sizes[name] for name in _of(placements, region)), default=0
        )
        for region in REGIONS
    }
    return Addresses(offsets, sizes, regions)


def _of(placements: Mapping[str, Placement], region: str) -> list[str]:
    return [name for name, placement in placements.items() if placement.region == region]


def _bytes(value: Value, binding: Mapping[str, int]) -> int:
    return align(evaluate(product(value.shape), binding) * item_size(value.dtype))
