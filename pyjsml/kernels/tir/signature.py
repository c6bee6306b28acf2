"""The dims that a kernel takes as trailing arguments."""

from __future__ import annotations

import tvm_ffi
from tvm import tirx


def symbolic_dims(func: tirx.PrimFunc) -> tuple[tirx.Var, ...]:
    """Return the symbolic dims of `func` in the order of its kernel's arguments.

    They come in the order of their first appearance in the shapes of the buffer params, followed by
    the explicit scalar params that no shape names.
    """
    found: dict[tirx.Var, None] = {}

    def collect(var: tirx.Var) -> None:
        found.setdefault(var)

    for param in func.params:
        if tirx.is_buffer_var(param):
            for size in param.shape:
                tvm_ffi.structural_walk(size, (tirx.Var, collect))
    for param in func.params:
        if not tirx.is_buffer_var(param):
            collect(param)
    return tuple(found)
