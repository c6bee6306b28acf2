"""A PrimFunc seen as stages: the tensor expressions that its blocks spell out as loops.

Schedules work on stages rather than on loops, because what a stage computes does not depend on how
its loops run: a schedule writes its own loops.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tvm_ffi
from tvm import ir, s_tir, tirx

from pyjsml.kernels.tir.expression import INDEX, dtype, narrow, narrow_index, substitute
from pyjsml.kernels.tir.signature import symbolic_dims


@dataclass(frozen=True)
class Axis:
    """A loop of a stage, from 0 to `extent`; both are 32-bit."""

    var: tirx.Var
    extent: Any


@dataclass(frozen=True)
class Write:
    """What a stage does to an element of `buffer`, at the index that its axes spell.

    For a reduction `init` starts the element and `value`, which loads it, updates it.
    """

    buffer: tirx.Var
    value: Any
    init: Any = None


@dataclass(frozen=True)
class Stage:
    """One tensor expression: for each point of `axes`, over all points of `reduced`, the `writes`.

    Buffers have one dim per axis. More than one write comes from a reduction over tuples, such as
    argmax; the writes of a point then happen at once.
    """

    name: str
    axes: tuple[Axis, ...]
    reduced: tuple[Axis, ...]
    writes: tuple[Write, ...]

    @property
    def buffer(self) -> tirx.Var:
        """The buffer of the only write."""
        (write,) = self.writes
        return write.buffer


@dataclass(frozen=True)
class Stages:
    """A PrimFunc as stages in order. `dims` maps each symbolic dim to its 32-bit stand-in."""

    params: tuple[tirx.Var, ...]
    dims: Mapping[tirx.Var, tirx.Var]
    stages: tuple[Stage, ...]

    @property
    def outputs(self) -> tuple[tirx.Var, ...]:
        """The params that a stage writes."""
        written = {write.buffer for stage in self.stages for write in stage.writes}
        return tuple(param for param in self.params if param in written)

    def shape(self, buffer: tirx.Var) -> list[Any]:
        """Return the 32-bit extents of `buffer`."""
        return [narrow_index(size, self.dims) for size in buffer.shape]

    def with_stages(self, stages: tuple[Stage, ...]) -> Stages:
        """Return the same function computed by other stages."""
        return replace(self, stages=stages)


def read_stages(func: tirx.PrimFunc) -> Stages | None:
    """Return `func` as stages, or None if one of its blocks is no tensor expression.

    Sorts, scans and scatters, which carry state from one point to the next, are none.
    """
    body = func.body
    if not isinstance(body, s_tir.SBlockRealize) or body.block.match_buffers:
        return None
    dims = {dim: tirx.Var(dim.name, INDEX) for dim in symbolic_dims(func)}
    nests = body.block.body
    found = []
    for nest in nests.seq if isinstance(nests, tirx.SeqStmt) else [nests]:
        stage = _read_stage(nest, dims)
        if stage is None:
            return None
        found.append(stage)
    written = [write.buffer for stage in found for write in stage.writes]
    if len(set(written)) != len(written):
        return None
    params = tuple(param for param in func.params if tirx.is_buffer_var(param))
    return Stages(params, dims, tuple(found))


def _read_stage(nest: Any, dims: Mapping[tirx.Var, tirx.Var]) -> Stage | None:
    loops: dict[tirx.Var, Any] = {}
    while isinstance(nest, tirx.For):
        if int(nest.kind) != tirx.ForKind.SERIAL or not _is_zero(nest.min):
            return None
        loops[nest.loop_var] = nest.extent
        nest = nest.body
    if not isinstance(nest, s_tir.SBlockRealize) or not _is_true(nest.predicate):
        return None
    block = nest.block
    if block.alloc_buffers or block.match_buffers:
        return None
    bound = _bind_axes(block, nest.iter_values, loops, dims)
    stores = _stores(block.body)
    inits = _stores(block.init) if block.init is not None else []
    if bound is None or stores is None or inits is None:
        return None
    spatial, reduced = bound
    return _assemble(block.name_hint, spatial, reduced, stores, inits, dims)


def _bind_axes(
    block: Any, values: Any, loops: Mapping[tirx.Var, Any], dims: Mapping[tirx.Var, tirx.Var]
) -> tuple[dict[tirx.Var, Axis], dict[tirx.Var, Axis]] | None:
    spatial: dict[tirx.Var, Axis] = {}
    reduced: dict[tirx.Var, Axis] = {}
    free = dict(loops)
    for axis, value in zip(block.iter_vars, values, strict=True):
        if isinstance(value, tirx.Var):
            if free.pop(value, None) is None:
                return None
        elif not _is_zero(value):
            return None
        if axis.iter_type not in (tirx.IterVar.DataPar, tirx.IterVar.CommReduce):
            return None
        into = spatial if axis.iter_type == tirx.IterVar.DataPar else reduced
        extent = narrow_index(axis.dom.extent, dims)
        into[axis.var] = Axis(tirx.Var(axis.var.name, INDEX), extent)
    if any(not (isinstance(size, tirx.IntImm) and int(size) == 1) for size in free.values()):
        return None
    return spatial, reduced


def _assemble(
    name: str,
    spatial: Mapping[tirx.Var, Axis],
    reduced: Mapping[tirx.Var, Axis],
    stores: list[tirx.BufferStore],
    inits: list[tirx.BufferStore],
    dims: Mapping[tirx.Var, tirx.Var],
) -> Stage | None:
    axes = _axes_of(stores[0].indices, spatial)
    if axes is None or bool(reduced) != bool(inits):
        return None
    variables = {**dims, **{old: new.var for old, new in {**spatial, **reduced}.items()}}
    initial = {init.buffer: narrow(init.value, variables) for init in inits}
    writes = []
    for store in stores:
        if _axes_of(store.indices, spatial) != axes:
            return None
        value = narrow(store.value, variables)
        init = _neutral(value, initial.get(store.buffer))
        writes.append(Write(store.buffer, value, init))
    return Stage(name, axes, tuple(reduced.values()), tuple(writes))


def _neutral(value: Any, init: Any) -> Any:
    """Start maxima at minus infinity, not at the least finite float; and minima likewise."""
    if not isinstance(init, tirx.FloatImm) or not isinstance(value, tirx.Max | tirx.Min):
        return init
    least = float(np.finfo(dtype(init)).min)
    extreme = {least: -math.inf, -least: math.inf}.get(float(init.value))
    return init if extreme is None else tirx.FloatImm(dtype(init), extreme)


def _axes_of(indices: Any, spatial: Mapping[tirx.Var, Axis]) -> tuple[Axis, ...] | None:
    """Return the axes in the order of the written buffer's dims, if the index is nothing else."""
    axes = []
    left = dict(spatial)
    for index in indices:
        if isinstance(index, tirx.Var) and index in left:
            axes.append(left.pop(index))
        elif _is_zero(index):
            axes.append(Axis(tirx.Var("one", INDEX), tirx.IntImm(INDEX, 1)))
        else:
            return None
    if any(not (isinstance(a.extent, tirx.IntImm) and int(a.extent) == 1) for a in left.values()):
        return None
    return tuple(axes)


def _stores(body: Any) -> list[tirx.BufferStore] | None:
    """Return the stores of a block's body with the values that it binds put in place."""
    bound: dict[tirx.Var, Any] = {}
    stores: list[tirx.BufferStore] = []
    for statement in body.seq if isinstance(body, tirx.SeqStmt) else [body]:
        if isinstance(statement, tirx.Bind):
            bound[statement.var] = substitute(statement.value, bound)
        elif isinstance(statement, tirx.BufferStore):
            value = substitute(statement.value, bound)
            stores.append(tirx.BufferStore(statement.buffer, value, statement.indices))
        else:
            return None
    return stores or None


def _is_zero(value: Any) -> bool:
    return isinstance(value, tirx.IntImm) and int(value) == 0


def _is_true(value: Any) -> bool:
    return isinstance(value, tirx.IntImm) and int(value) == 1


def same_index(indices: Any, axes: tuple[Axis, ...]) -> bool:
    """Tell whether `indices` are exactly the variables of `axes`, in order."""
    return len(indices) == len(axes) and all(
        (isinstance(index, tirx.Var) and index.same_as(axis.var))
        or (_is_zero(index) and _is_true(axis.extent))
        for index, axis in zip(indices, axes, strict=True)
    )


def reads(stage: Stage) -> list[ir.TensorLoad]:
    """Return every load of a stage except those of the elements that it reduces into."""
    own = {write.buffer for write in stage.writes}
    found: list[ir.TensorLoad] = []
    for write in stage.writes:
        tvm_ffi.structural_walk(write.value, (ir.TensorLoad, found.append))
    return [load for load in found if load.source not in own]
