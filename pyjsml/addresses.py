"""Where a memory plan puts each value once the dims are bound, as the runtime computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

import numpy as np

from pyjsml.dims import evaluate, product
from pyjsml.program import Placement, Value

ALIGNMENT = 16
"""Bytes; the width of a vector register."""
REGIONS = ("persistent", "load", "main")


@dataclass(frozen=True)
class Addresses:
    """Offsets of values in their regions, and sizes of values and regions, in bytes.

    Sizes of values are rounded up to ALIGNMENT.
    """

    offsets: Mapping[str, int]
    sizes: Mapping[str, int]
    regions: Mapping[str, int]


def addresses(
    values: Mapping[str, Value], placements: Mapping[str, Placement], binding: Mapping[str, int]
) -> Addresses:
    """Return where each of `values` lies where `binding` gives each dim."""
    sizes = {
        name: align(evaluate(product(value.shape), binding) * item_size(value.dtype))
        for name, value in values.items()
    }
    depends = {
        name: (placement.alias,) if placement.alias else placement.after
        for name, placement in placements.items()
    }
    offsets: dict[str, int] = {}
    regions = dict.fromkeys(REGIONS, 0)
    for name in TopologicalSorter(depends).static_order():
        placement = placements[name]
        if placement.alias:
            offsets[name] = offsets[placement.alias]
        else:
            ends = (offsets[other] + sizes[other] for other in placement.after)
            offsets[name] = max(ends, default=0)
        end = offsets[name] + sizes[name]
        regions[placement.region] = max(regions[placement.region], end)
    return Addresses(offsets, sizes, regions)


def align(size: int) -> int:
    """Round `size` up to ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def item_size(dtype: str) -> int:
    """Return the bytes of one element."""
    return np.dtype(dtype).itemsize
