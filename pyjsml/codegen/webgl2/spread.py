"""Values among which an axis chooses, as layers of a temporary that are drawn at once.

A transform, such as Winograd's, makes a few numbers of a few others: the numbers are an axis, and a
fragment would load all that any of them takes, and choose. A fragment that computes several of them
loads that once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.kernels.loops.nest import Nest, Result, merge
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, dtype, integer, replace_loads
from pyjsml.kernels.tir.stage import Axis, Stage, Stages, Write

MOST_LAYERS = 4
"""How many textures every WebGL2 context can draw to at once."""


@dataclass(frozen=True)
class Spread:
    """A function, some of whose temporaries have a first dim that counts `layers`."""

    function: Stages
    layers: Mapping[tirx.Var, int]


def spread(function: Stages) -> Spread:
    """Lay out in layers what an axis chooses, where it is read by later stages alone."""
    layers: dict[tirx.Var, int] = {}
    stages = list(function.stages)
    for number, stage in enumerate(stages):
        if stage.reduced or len(stage.writes) != 1 or stage.buffer in function.outputs:
            continue
        cut = next((cut for axis in stage.axes if (cut := _cut(stage, axis)) is not None), None)
        if cut is None:
            continue
        layers[cut.buffer] = cut.layers
        stages[number] = cut.stage()
        stages[number + 1 :] = [cut.reader(later) for later in stages[number + 1 :]]
    return Spread(function.with_stages(tuple(stages)), layers)


def layered_nest(emitter: Emitter, stage: Stage, layers: int) -> Nest:
    """Return the nest that makes all layers of a stage of `spread`, each as a result.

    Its buffer is to be placed without the first dim.
    """
    layer, *axes = stage.axes
    values = choices(stage.writes[0].value, layer)
    assert values is not None
    assert len(values) == layers
    place = emitter.index(stage.buffer, [integer(0), *[axis.var for axis in axes]])
    flat = emitter.storage[stage.buffer].flat
    results = tuple(Result(flat, place, emitter.flatten(value)) for value in values)
    return merge(emitter, Nest(tuple(axes), (), (), results))


def choices(value: Any, axis: Axis) -> list[Any] | None:
    """Return what `value` is at each point of `axis`; None unless it is a choice among these."""
    extent = constant(axis.extent)
    if extent is None or extent < 2:
        return None
    found = []
    for point in range(extent - 1):
        if not isinstance(value, tirx.Select) or not _is_at(value.condition, axis, point):
            return None
        found.append(value.true_value)
        value = value.false_value
    return [*found, value]


def _is_at(condition: Any, axis: Axis, point: int) -> bool:
    return (
        isinstance(condition, tirx.EQ)
        and isinstance(condition.a, tirx.Var)
        and condition.a.same_as(axis.var)
        and constant(condition.b) == point
    )


def _chosen(axis: Axis, values: Sequence[Any]) -> Any:
    chosen = values[-1]
    for point in reversed(range(len(values) - 1)):
        chosen = tirx.Select(tirx.EQ(axis.var, integer(point)), values[point], chosen)
    return chosen


@dataclass(frozen=True)
class _Cut:
    """A stage whose axis at `position` is cut into layers, each of so many `parts`."""

    old: Stage
    position: int
    values: Sequence[Any]
    parts: int
    buffer: tirx.Var

    @property
    def layers(self) -> int:
        return len(self.values) // self.parts

    def stage(self) -> Stage:
        """Return the stage with an axis of layers before the others."""
        layer = Axis(tirx.Var("layer", "int32"), integer(self.layers))
        part = Axis(tirx.Var("part", "int32"), integer(self.parts))
        axes = list(self.old.axes)
        axes[self.position] = part
        by_layer = [self.values[n : n + self.parts] for n in range(0, len(self.values), self.parts)]
        value = _chosen(layer, [_chosen(part, values) for values in by_layer])
        return replace(self.old, axes=(layer, *axes), writes=(Write(self.buffer, value),))

    def reader(self, stage: Stage) -> Stage:
        """Return a stage that reads the layers where it read the old buffer."""

        def load(node: Any, indices: list[Any]) -> Any:
            if not node.source.same_as(self.old.buffer):
                return tirx.BufferLoad(node.source, indices)
            at = indices[self.position]
            indices[self.position] = tirx.floormod(at, self.parts)
            return tirx.BufferLoad(self.buffer, [tirx.floordiv(at, self.parts), *indices])

        writes = tuple(replace(w, value=replace_loads(w.value, load)) for w in stage.writes)
        return replace(stage, writes=writes)


def _cut(stage: Stage, axis: Axis) -> _Cut | None:
    values = choices(stage.writes[0].value, axis)
    if values is None:
        return None
    parts = -(-len(values) // MOST_LAYERS)
    if len(values) % parts:
        return None
    position = stage.axes.index(axis)
    old = stage.buffer
    sizes = [*old.shape]
    sizes[position] = tirx.IntImm(sizes[position].ty.dtype, parts)
    shape = [tirx.IntImm(sizes[position].ty.dtype, len(values) // parts), *sizes]
    buffer = tirx.decl_buffer(shape, dtype(old), name=old.name)
    return _Cut(stage, position, values, parts, buffer)
