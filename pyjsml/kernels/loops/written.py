"""Functions whose definition writes out its own loops: these are kept, over flat 32-bit indices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm_ffi
from tvm import s_tir, tirx

from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.tir.emit import Emitter, sequence
from pyjsml.kernels.tir.expression import INDEX, integer, narrow, narrow_index
from pyjsml.kernels.tir.operations import loop_operations
from pyjsml.kernels.tir.signature import symbolic_dims
from pyjsml.kernels.tir.stage import Axis, Stages

Variables = Mapping[tirx.Var, tirx.Var]


def written(func: tirx.PrimFunc, names: frozenset[str]) -> Scheduled | None:
    """Return `func` in its own loops, if it is one block of these `names`.

    The block is a loop over rounds of parallel loops, one in the other, of all of which together a
    call runs a slice; what it allocates is small.
    """
    outermost = _loop(func, names)
    if outermost is None:
        return None
    dims = {dim: tirx.Var(dim.name, INDEX) for dim in symbolic_dims(func)}
    params = tuple(param for param in func.params if tirx.is_buffer_var(param))
    emitter = Emitter(Stages(params, dims, ()))
    begin, end = tirx.Var("begin", INDEX), tirx.Var("end", INDEX)
    axes, body = _axes(emitter, outermost, dims)
    extent: Any = integer(1)
    for axis in axes.values():
        extent = extent * axis.extent
    slice_ = emitter.axis("slice", extent)
    binds = []
    left: Any = slice_.var
    for axis in reversed(list(axes.values())[1:]):
        binds.append(tirx.Bind(axis.var, emitter.simplify(tirx.floormod(left, axis.extent))))
        left = tirx.floordiv(left, axis.extent)
    rounds, *_ = axes.values()
    binds.append(tirx.Bind(rounds.var, emitter.simplify(left)))
    variables = {**dims, **{old: axis.var for old, axis in axes.items()}}
    narrowed = _narrowed(emitter, body, variables)
    return Scheduled(
        params=tuple(emitter.storage[param].flat for param in params),
        workspace=(),
        dims=tuple(dims.values()),
        begin=begin,
        end=end,
        extent=slice_.extent,
        body=tirx.For(
            slice_.var, begin, end - begin, tirx.ForKind.SERIAL, sequence(*binds, narrowed)
        ),
        rounds=rounds.extent,
        flops=loop_operations(body),
    )


def _loop(func: tirx.PrimFunc, names: frozenset[str]) -> Any:
    body = func.body
    while isinstance(body, s_tir.SBlockRealize):
        if body.block.name_hint in names:
            loop = body.block.body
            return loop if isinstance(loop, tirx.For) else None
        body = body.block.body
    return None


def _axes(
    emitter: Emitter, loop: tirx.For, dims: Variables
) -> tuple[dict[tirx.Var, Axis], tirx.Stmt]:
    """Return axes for the variables of the loop over rounds and the parallel ones, and the body."""
    found: dict[tirx.Var, Axis] = {}
    body: Any = loop
    while not found or (isinstance(body, tirx.For) and body.kind == tirx.ForKind.PARALLEL):
        found[body.loop_var] = emitter.axis(body.loop_var.name, narrow_index(body.extent, dims))
        body = body.body
    return found, body


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

    def branch(node: tirx.IfThenElse, mutator: Any) -> Any:
        otherwise = node.else_case and _narrowed(emitter, node.else_case, variables)
        then = _narrowed(emitter, node.then_case, variables)
        return tirx.IfThenElse(narrow(node.condition, variables), then, otherwise)

    handlers = [(tirx.For, loop), (tirx.BufferStore, stored), (tirx.IfThenElse, branch)]
    return tvm_ffi.structural_mutate(body, handlers)
