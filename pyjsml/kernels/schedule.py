"""The schedule of a function: which family it belongs to, and the loops that follow."""

from __future__ import annotations

from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.general import general
from pyjsml.kernels.loops.loops import loops
from pyjsml.kernels.loops.nest import Nest, make_nest
from pyjsml.kernels.loops.rows import Places, rows
from pyjsml.kernels.loops.tile import Tiled
from pyjsml.kernels.loops.written import written
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.recurrent.layer import CELLS
from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.tir.emit import Emitter, allocate, sequence
from pyjsml.kernels.tir.expression import INDEX, dtype, integer, item_bytes
from pyjsml.kernels.tir.inline import inline
from pyjsml.kernels.tir.stage import Stages, read_stages
from pyjsml.kernels.winograd.loops import winograd
from pyjsml.kernels.winograd.pack import winograd_pack


def schedule(
    func: tirx.PrimFunc, parameters: Parameters | None = None, *, dots: bool = True
) -> Scheduled:
    """Write out the loops of `func`; `parameters` replace what the cost model would choose.

    The same loops of floats serve both instruction sets: a tile of 4 by 8 fills the multiply-add
    units of either, and its 14 vectors stay in the 16 registers that an engine has on x86, whatever
    order LLVM puts them in. For products of bytes `dots` says that the target has the instruction
    of `dot`; without it, loops that were made for it work too, but slower.
    """
    function = read_stages(func)
    if function is None:
        return written(func, CELLS) or general(func)
    filtered = winograd(function) or winograd_pack(function)
    if filtered is not None:
        return _close(*filtered)
    function = inline(function)
    emitter = Emitter(function)
    nest = _single(emitter, function)
    if nest is not None:
        return _close(emitter, function, loops(emitter, nest, parameters, dots=dots))
    return _close(emitter, function, *rows(emitter, function))


def _single(emitter: Emitter, function: Stages) -> Nest | None:
    """Return `function` as one nest: a reduction with what follows it, or a single expression."""
    first, *others = function.stages
    outputs = set(function.outputs)
    if any(stage.reduced for stage in others):
        return None
    if any(write.buffer not in outputs for stage in others for write in stage.writes):
        return None
    if others and not first.reduced:
        return None
    return make_nest(emitter, first, others)


def _close(
    emitter: Emitter,
    function: Stages,
    tiled: Tiled,
    places: Places | None = None,
) -> Scheduled:
    interleaved = places is None
    places = places or Places((), (), ())
    begin, end = tirx.Var("begin", INDEX), tirx.Var("end", INDEX)
    extent: Any = integer(1)
    for axis in tiled.parallel:
        extent = extent * axis.extent
    extent = emitter.simplify(extent)
    slice_ = emitter.axis("slice", extent)
    binds = []
    left: Any = slice_.var
    for position, axis in reversed(list(enumerate(tiled.parallel))):
        value = left if position == 0 else tirx.floormod(left, axis.extent)
        binds.append(tirx.Bind(axis.var, emitter.simplify(value)))
        left = tirx.floordiv(left, axis.extent)
    if tiled.fresh is not None:
        binds.append(tirx.Bind(tiled.fresh, tirx.EQ(slice_.var, begin)))
    body = tirx.For(
        slice_.var, begin, end - begin, tirx.ForKind.SERIAL, sequence(*binds, tiled.body)
    )
    params = tuple(emitter.storage[param].flat for param in function.params)
    return Scheduled(
        params=(*params, *places.workspace),
        workspace=tuple(b.shape[0] * item_bytes(dtype(b)) for b in places.workspace),
        dims=tuple(function.dims.values()),
        begin=begin,
        end=end,
        extent=extent,
        body=allocate(tiled.kept, body),
        stages=function,
        guests=places.guests,
        interleaved=interleaved,
        parameters=tiled.parameters,
    )
