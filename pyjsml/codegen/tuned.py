"""The schedules of a function: one for each instruction set, as tuning has found best."""

from __future__ import annotations

import tvm_ffi
from tvm import tirx

from pyjsml.kernels.database import Database
from pyjsml.kernels.int8.dot import has_dots
from pyjsml.kernels.schedule import schedule
from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.shape_key import shape_key
from pyjsml.kernels.tir.expression import substitute
from pyjsml.program import ISAS, Isa


def schedules(func: tirx.PrimFunc, tuned: Database) -> dict[Isa, Scheduled]:
    """Return the loops of `func` by instruction set.

    A bundle says once for both files how long a kernel's outermost loop is. Where tuning would have
    two lengths, both files get what is best for relaxed SIMD, which most engines have.
    """
    default = schedule(func)
    if default.parameters is None:
        if not has_dots(default.body):
            return dict.fromkeys(ISAS, default)
        return {"simd128": schedule(func, dots=False), "relaxed": default}
    key = shape_key(default)
    found: dict[Isa, Scheduled] = {}
    for isa in ISAS:
        row = tuned.find(key, isa)
        best = row and row.parameters
        found[isa] = schedule(func, best) if best else default
    first, *others = found.values()
    if not all(_same_extent(first, other) for other in others):
        return dict.fromkeys(ISAS, found["relaxed"])
    return found


def _same_extent(left: Scheduled, right: Scheduled) -> bool:
    dims = dict(zip(left.dims, right.dims, strict=True))
    return bool(tvm_ffi.structural_equal(substitute(left.extent, dims), right.extent))
