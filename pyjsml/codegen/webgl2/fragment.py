"""One pass as a fragment shader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.codegen.webgl2.evaluator import Evaluator
from pyjsml.codegen.webgl2.fetches import COMPONENTS, Sampler
from pyjsml.codegen.webgl2.kinds import kind_of, stored_kind
from pyjsml.codegen.webgl2.lanes import locate
from pyjsml.codegen.webgl2.reductions import plan_loops, value_of, write_loops
from pyjsml.codegen.webgl2.rows import Rows
from pyjsml.codegen.webgl2.writer import VECTORS, Value, Writer
from pyjsml.kernels.loops.nest import Nest
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import dtype, loads, substitute
from pyjsml.templating import render

SAMPLERS = {"float": "sampler2D", "int": "isampler2D"}


@dataclass(frozen=True)
class SamplerView:
    """The declaration of a sampler."""

    type: str
    name: str


@dataclass(frozen=True)
class FragmentView:
    """`fragment.glsl.jinja`: what a shader declares, and the lines of `main`."""

    samplers: tuple[SamplerView, ...]
    dims: tuple[str, ...]
    results: tuple[str, ...]
    functions: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Fragment:
    """A shader's text, and the flat buffers that it samples, in the order of its samplers."""

    text: str
    inputs: tuple[tirx.Var, ...]


def fragment(
    emitter: Emitter, nest: Nest, layers: Mapping[tirx.Var, int], rows: Rows | None = None
) -> Fragment:
    """Write the shader of `nest`, whose results are in the order of its axes.

    `layers` has the buffers that are array textures. With `rows` a fragment makes a texel of each
    of several rows, of the first accumulator, and a layer of the result is for one of them.
    """
    return _FragmentWriter(emitter, nest, layers, rows).write()


class _FragmentWriter:
    def __init__(
        self,
        emitter: Emitter,
        nest: Nest,
        layers: Mapping[tirx.Var, int],
        rows: Rows | None,
    ) -> None:
        self._emitter = emitter
        self._nest = nest
        self._rows = rows
        read = nest.values if rows is None else nest.body
        buffers = dict.fromkeys(load.source for expr in read for load in loads(expr))
        self._samplers = {
            buffer: Sampler(f"t{number}", dtype(buffer), buffer in layers)
            for number, buffer in enumerate(buffers)
        }
        self._writer = Writer()
        self._evaluator = Evaluator(emitter, self._writer, self._samplers)
        dims = emitter.function.dims.values()
        self._dims = {dim: f"d{number}" for number, dim in enumerate(dims)}
        self._evaluator.names.update({d: Value(name, "int") for d, name in self._dims.items()})

    def write(self) -> Fragment:
        nest, rows, writer, evaluator = self._nest, self._rows, self._writer, self._evaluator
        axes = nest.axes if rows is None else rows.axes
        point = locate(self._emitter, axes, lambda size: evaluator.index(size).text)
        for line in point.lines:
            writer.line(line)
        evaluator.names.update(point.names)
        evaluator.lanes = point.lanes
        count = 1 if rows is None else rows.count
        held = [self._accumulators(row) for row in range(count)]
        if nest.accumulators:
            plan = plan_loops(self._emitter, nest, count)
            write_loops(evaluator, plan, lambda at: self._update(held, at))
        if rows is not None:
            results = [
                (next(iter(row.values())), dtype(nest.accumulators[0].value)) for row in held
            ]
        else:
            self._settle(held[0])
            results = [(evaluator.value(r.value), dtype(r.flat)) for r in nest.results]
        for number, (value, kind) in enumerate(results):
            writer.line(f"o{number} = {_stored(value, kind)};")
        view = FragmentView(
            tuple(SamplerView(_type(each), each.name) for each in self._samplers.values()),
            tuple(self._dims.values()),
            tuple(VECTORS[stored_kind(kind)] for _, kind in results),
            tuple(sorted(writer.functions)),
            tuple(writer.lines),
        )
        return Fragment(render("fragment.glsl.jinja", view), tuple(self._samplers))

    def _accumulators(self, row: int) -> dict[tirx.Var, Value]:
        made = {}
        for number, accumulator in enumerate(self._nest.accumulators):
            value = value_of(f"a{number}_{row}", kind_of(dtype(accumulator.value)))
            start = self._evaluator.value(accumulator.init).widened()
            self._writer.line(f"{value.type} {value.text} = {start};")
            made[accumulator.value] = value
        return made

    def _settle(self, held: Mapping[tirx.Var, Value]) -> None:
        """Make known what the loops have come to, which no longer changes, and may be an index."""
        evaluator = self._evaluator
        assert evaluator.lanes is not None
        for var, value in held.items():
            final = replace(value, fleeting=False)
            if final.kind != "int":
                evaluator.names[var] = final
                continue
            lanes = [tirx.Var(f"{var.name}_{component}", dtype(var)) for component in COMPONENTS]
            for lane, component in zip(lanes, COMPONENTS, strict=True):
                evaluator.names[lane] = Value(f"{final.text}.{component}", "int")
            evaluator.lanes = evaluator.lanes.having(var, lanes, final)

    def _update(self, held: list[dict[tirx.Var, Value]], at: Mapping[tirx.Var, Any]) -> None:
        """Write the update of all rows at a point of the reduced axes."""
        evaluator = self._evaluator
        for row, values in enumerate(held):
            place = at if self._rows is None else {**at, **self._rows.at(row)}
            evaluator.names.update(values)
            updates = [
                evaluator.value(self._emitter.resimplify(substitute(a.update, place)))
                for a in self._nest.accumulators
            ]
            for value, update in zip(values.values(), updates, strict=True):
                self._writer.line(f"{value.text} = {update.widened()};")


def _type(sampler: Sampler) -> str:
    return f"{SAMPLERS[stored_kind(sampler.dtype)]}{'Array' if sampler.layers else ''}"


def _stored(value: Value, kind: str) -> str:
    if value.kind == stored_kind(kind):
        return value.widened()
    return f"{VECTORS[stored_kind(kind)]}({value.text})"
