"""A function as passes: its stages, put together where one fragment can compute several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

from tvm import tirx

from pyjsml.codegen.webgl2.fragment import fragment
from pyjsml.codegen.webgl2.inlining import worthwhile
from pyjsml.codegen.webgl2.kinds import kind_of, stored_kind
from pyjsml.codegen.webgl2.lanes import count, texels
from pyjsml.codegen.webgl2.long import in_two
from pyjsml.codegen.webgl2.parts import MOST_INPUTS, replaced, separable, sources
from pyjsml.codegen.webgl2.recurrent import recurrent
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.codegen.webgl2.rows import by_rows, in_order, rows_buffer
from pyjsml.codegen.webgl2.source import stages_of
from pyjsml.codegen.webgl2.spread import layered_nest, spread
from pyjsml.kernels.gathered.gathered import layer_of
from pyjsml.kernels.loops.nest import Nest, Result, make_nest, merge, without_reduction
from pyjsml.kernels.loops.rows import group_stages
from pyjsml.kernels.tir.emit import Emitter, flat_buffer
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.kernels.tir.expression import constant, dtype, integer, linear, substitute
from pyjsml.kernels.tir.inline import inline
from pyjsml.kernels.tir.stage import Stage, Stages
from pyjsml.program import Pass, Shader, Temp


def make_shader(func: tirx.PrimFunc, workspaces: int) -> Shader:
    """Return the passes that compute `func`; NoShaderError where WebGL2 can't.

    `workspaces` counts the further outputs that the op has for its kernel of WebAssembly.
    """
    layer = layer_of(func)
    if layer is not None:
        return recurrent(func, layer, workspaces, make_shader)
    function = stages_of(func)
    for param in function.params:
        kind_of(dtype(param))
    return _Passes(inline(function, worthwhile), workspaces).made()


class _Passes:
    """The passes of a function, and the temporaries between them."""

    def __init__(self, function: Stages, workspaces: int) -> None:
        halved, self._partial = in_two(function)
        found = spread(halved)
        self._function, self._spread = found.function, found.layers
        self._emitter = Emitter(self._function)
        params = [self._emitter.storage[param].flat for param in function.params]
        self._refs = {flat: number for number, flat in enumerate(params)}
        self._first_temp = len(params) + workspaces
        self._temps: list[Temp] = []
        self._layers: dict[tirx.Var, int] = {}
        self._names = {dim: f"n{number}" for number, dim in enumerate(function.dims.values())}
        self._passes: list[Pass] = []

    def made(self) -> Shader:
        for group in group_stages(self._emitter, self._function):
            if group[0].writes[0].buffer in self._spread:
                self._add_layers(group[0])
                continue
            nest = self._nest(group)
            if nest is not None:
                self._add(nest, group)
                continue
            for stage in group:
                alone = self._nest([stage])
                assert alone is not None
                self._add(alone, [stage])
        return Shader(tuple(self._passes), tuple(self._temps))

    def _nest(self, group: list[Stage]) -> Nest | None:
        """Return a group of stages as one nest whose results follow its axes, if it is one."""
        for stage in group[-1:]:
            for write in stage.writes:
                self._place(write.buffer)
        if len(group) > 1 and any(w.buffer in self._function.outputs for w in group[0].writes):
            return None
        nest = make_nest(self._emitter, group[0], group[1:])
        if nest is None:
            return None
        nest = _without_points(nest)
        if len(group) == 1:
            return merge(self._emitter, nest)
        return next(
            (
                merge(self._emitter, ordered)
                for ordered in _orders(nest)
                if _follows(self._emitter, ordered)
            ),
            None,
        )

    def _place(self, buffer: tirx.Var) -> None:
        if buffer in self._emitter.storage:
            return
        flat = flat_buffer(buffer.name, dtype(buffer), self._emitter.size(buffer))
        self._emitter.place(buffer, flat)
        self._temp(flat, dtype(buffer), self._emitter.size(buffer), 0)

    def _temp(self, flat: tirx.Var, kind: str, size: Any, layers: int) -> None:
        stored = "float32" if stored_kind(kind) == "float" else "int32"
        self._refs[flat] = self._first_temp + len(self._temps)
        self._temps.append(Temp(stored, to_expr(size, self._names), layers))

    def _add(self, nest: Nest, group: list[Stage]) -> None:
        partial = any(write.buffer in self._partial for write in group[0].writes)
        rows = None if partial else by_rows(self._emitter, nest)
        if rows is None:
            self._draw(nest)
            return
        held = rows_buffer(self._emitter, nest, rows)
        self._temp(held, dtype(held), count(self._emitter, rows.axes), rows.layers)
        if rows.layers:
            self._layers[held] = rows.layers
        made = fragment(self._emitter, nest, self._layers, rows)
        self._keep(made.text, made.inputs, (held,), count(self._emitter, rows.axes))
        self._draw(in_order(rows, nest, held))

    def _add_layers(self, stage: Stage) -> None:
        """Draw all layers of a temporary of `spread` at once."""
        buffer, layers = stage.buffer, self._spread[stage.buffer]
        size = tirx.floordiv(self._emitter.size(buffer), layers)
        flat = tirx.decl_buffer((integer(layers), size), dtype(buffer), name=buffer.name)
        self._emitter.place_layers(buffer, flat)
        nest = layered_nest(self._emitter, stage, layers)
        size = count(self._emitter, nest.axes)
        self._temp(flat, dtype(flat), size, layers)
        self._layers[flat] = layers
        made = fragment(self._emitter, nest, self._layers)
        self._keep(made.text, made.inputs, (flat,), size)

    def _draw(self, nest: Nest) -> None:
        # The textures of several outputs may differ in width, so each is drawn by itself.
        for result in nest.results:
            single = self._fitting(replace(nest, results=(result,)))
            made = fragment(self._emitter, single, self._layers)
            self._keep(made.text, made.inputs, (result.flat,), count(self._emitter, nest.axes))

    def _fitting(self, nest: Nest) -> Nest:
        """Draw parts of the only result of `nest` where it reads too many tensors for one draw."""
        while len(sources(nest.values)) > MOST_INPUTS:
            (result,) = nest.results
            part = separable(result.value, [a.value for a in nest.accumulators])
            if part is None:
                break
            held = flat_buffer("part", dtype(part), count(self._emitter, nest.axes))
            self._temp(held, dtype(held), held.shape[0], 0)
            flat: Any = integer(0)
            for axis in nest.axes:
                flat = flat * axis.extent + axis.var
            self._draw(Nest(nest.axes, (), (), (Result(held, flat, part),)))
            value: Any = tirx.BufferLoad(held, [self._emitter.simplify(flat)])
            if dtype(part) == "bool":
                value = value != tirx.const(0, dtype(held))
            nest = replace(
                nest, results=(replace(result, value=replaced(result.value, part, value)),)
            )
        return nest

    def _keep(
        self,
        text: str,
        inputs: tuple[tirx.Var, ...],
        outputs: tuple[tirx.Var, ...],
        size: Any,
    ) -> None:
        if len(inputs) > MOST_INPUTS:
            raise NoShaderError(
                f"it reads {len(inputs)} tensors at once, and WebGL2 promises {MOST_INPUTS}"
            )
        self._passes.append(
            Pass(
                text,
                tuple(self._refs[flat] for flat in inputs),
                tuple(self._refs[flat] for flat in outputs),
                tuple(self._names.values()),
                to_expr(texels(self._emitter, size), self._names),
            )
        )


def _without_points(nest: Nest) -> Nest:
    """Return `nest` without a reduction of one point."""
    single = nest.reduced and all(constant(axis.extent) == 1 for axis in nest.reduced)
    if not single:
        return nest
    zeros = {axis.var: integer(0) for axis in nest.reduced}
    return without_reduction(nest.rewrite(lambda expr: substitute(expr, zeros)))


def _orders(nest: Nest) -> Iterator[Nest]:
    """Yield the nest with its axes in each order, the present one first."""
    long = [axis for axis in nest.axes if constant(axis.extent) != 1]
    short = tuple(axis for axis in nest.axes if constant(axis.extent) == 1)
    for order in permutations(long):
        yield replace(nest, axes=(*short, *order))


def _follows(emitter: Emitter, nest: Nest) -> bool:
    """Tell whether all results of `nest` lie in the order of its axes."""
    axes = [axis for axis in nest.axes if constant(axis.extent) != 1]
    steps: list[Any] = [integer(1)]
    for axis in reversed(axes[1:]):
        steps.insert(0, steps[0] * axis.extent)
    steps = [*steps[: len(axes)], integer(0)]
    zeros = {axis.var: integer(0) for axis in nest.axes if constant(axis.extent) == 1}
    for result in nest.results:
        found = linear(substitute(result.index, zeros), [axis.var for axis in axes])
        if found is None or not all(map(emitter.equal, found, steps)):
            return False
    return True
