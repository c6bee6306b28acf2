"""How much memory a model takes, for the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyjsml.addresses import addresses
from pyjsml.program import Program


def memory_limits(program: Program) -> dict[str, Any]:
    """Return the bytes of tensors with all dims at their least, and with all at their most.

    `persistent` bytes hold the packed weights, the `arena` everything else; to both come the code's
    stack and data. `most` is None where a dim has no bound.
    """
    dims = program.signature.dims
    most = {dim.name: dim.max for dim in dims if dim.max is not None}
    return {
        "least": _sizes(program, {dim.name: dim.min for dim in dims}),
        "most": _sizes(program, most) if len(most) == len(dims) else None,
    }


def _sizes(program: Program, binding: Mapping[str, int]) -> dict[str, int]:
    regions = addresses(program.graph.values, program.schedule.placements, binding).regions
    return {"persistent": regions["persistent"], "arena": max(regions["load"], regions["main"])}
