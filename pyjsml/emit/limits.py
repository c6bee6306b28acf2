"""How much memory a run takes, for the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any

import numpy as np

from pyjsml.dims import evaluate, product
from pyjsml.program import Graph, Placement, Program, Schedule

_ALIGNMENT = 16


def memory_limits(program: Program, graph: Graph, schedule: Schedule) -> dict[str, Any]:
    """Return the bytes of tensors, with all dims at their least and at their most.

    `most` is None where a dim has no bound.
    """
    dims = program.signature.dims
    least = _sizes(graph, schedule, {dim.name: dim.min for dim in dims})
    most = {dim.name: dim.max for dim in dims if dim.max is not None}
    bounded = len(most) == len(dims)
    return {"least": least, "most": _sizes(graph, schedule, most) if bounded else None}


def _sizes(graph: Graph, schedule: Schedule, binding: Mapping[str, int]) -> dict[str, int]:
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    regions = {"persistent": 0, "load": 0, "main": 0}
    for name in _in_order(schedule.placements):
        placement, value = schedule.placements[name], graph.values[name]
        size = evaluate(product(value.shape), binding) * np.dtype(value.dtype).itemsize
        starts[name] = (
            starts[placement.alias]
            if placement.alias
            else max((ends[before] for before in placement.after), default=0)
        )
        ends[name] = starts[name] + -(-size // _ALIGNMENT) * _ALIGNMENT
        regions[placement.region] = max(regions[placement.region], ends[name])
    return {"persistent": regions["persistent"], "arena": max(regions["load"], regions["main"])}


def _in_order(placements: Mapping[str, Placement]) -> Iterable[str]:
    """Yield each value after those on which its address depends."""
    depends = {
        name: (placement.alias,) if placement.alias else placement.after
        for name, placement in placements.items()
    }
    return TopologicalSorter(depends).static_order()
