"""Functions whose definition writes out its own loops: these are kept, over flat 32-bit indices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm_ffi
from tvm import s_tir, tirx

from pyjsml.kernels.emit import Emitter
from pyjsml.kernels.expression import INDEX, narrow, narrow_index
from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.signature import symbolic_dims
from pyjsml.kernels.stage import Axis, Stages

Variables = Mapping[tirx.Var, tirx.Var]


def written(func: tirx.PrimFunc, names: frozenset[str]) -> Scheduled | None:
    """Return `func` in its own loops, if it is one block of these `names`.

    The block is a parallel loop, of which a call runs a slice; what it allocates is small.
    """
    loop = _parallel_loop(func, names)
    if loop is None:
        return None
    dims = {dim: tirx.Var(dim.name, INDEX) for dim in symbolic_dims(func)}
    params = tuple(param for param in func.params if tirx.is_buffer_var(param))
    emitter = Emitter(Stages(params, dims, ()))
    begin, end = tirx.Var("begin", INDEX), tirx.Var("end", INDEX)
    slice_ = emitter.bind(
        Axis(tirx.Var(loop.loop_var.name, INDEX), narrow_index(loop.extent, dims))
    )
    body = _narrowed(emitter, loop.body, {**dims, loop.loop_var: slice_.var})
    return Scheduled(
        params=tuple(emitter.storage[param].flat for param in params),
        workspace=(),
        dims=tuple(dims.values()),
        begin=begin,
        end=end,
        extent=slice_.extent,
        body=tirx.For(slice_.var, begin, end - begin, tirx.ForKind.SERIAL, body),
    )


def _parallel_loop(func: tirx.PrimFunc, names: frozenset[str]) -> Any:
    body = func.body
    while isinstance(body, s_tir.SBlockRealize):
        if body.block.name_hint in names:
            loop = body.block.body
            return loop if isinstance(loop, tirx.For) else None
        body = body.block.body
    return None


def _narrowed(emitter: Emitter, body: tirx.Stmt, variables: Variables) -> tirx.Stmt:
    """Rewrite loops over multi-dimensional buffers as 32-bit ones over flat buffers."""

    def loop(node: tirx.For, mutator: Any) -> Any:
        axis = Axis(tirx.Var(node.loop_var.name, INDEX), narrow_index(node.extent, variables))
        emitter.bind(axis)
        inner = _narrowed(emitter, node.body, {**variables, node.loop_var: axis.var})
        return tirx.For(axis.var, tirx.IntImm(INDEX, 0), axis.extent, node.kind, inner)

    def stored(node: tirx.BufferStore, mutator: Any) -> Any:
        value = emitter.flatten(narrow(node.value, variables))
        indices = [narrow_index(index, variables) for index in node.indices]
        if node.buffer not in emitter.storage:
            return tirx.BufferStore(node.buffer, value, [emitter.simplify(i) for i in indices])
        flat = emitter.storage[node.buffer].flat
        return tirx.BufferStore(flat, value, [emitter.index(node.buffer, indices)])

    return tvm_ffi.structural_mutate(body, [(tirx.For, loop), (tirx.BufferStore, stored)])
