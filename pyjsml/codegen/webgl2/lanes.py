"""The four elements that a fragment computes, as lanes of a vector.

A fragment makes one texel: four elements whose flat indices follow each other. Where the innermost
axis is a multiple of four, or the only one, it alone tells the lanes apart, and the other axes are
numbers; else every axis has a value per lane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from pyjsml.codegen.webgl2.writer import Value
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import INDEX, constant, integer, substitute, uses
from pyjsml.kernels.tir.stage import Axis

LANES = 4

Size = Callable[[Any], str]
"""Writes an expression over dims as GLSL."""


@dataclass(frozen=True)
class Lanes:
    """What an expression over the axes is in each lane.

    `own` maps the axes that differ between lanes to their values in the four lanes, and `wide` to
    the vector of these.
    """

    emitter: Emitter
    own: Mapping[tirx.Var, Sequence[Any]]
    wide: Mapping[tirx.Var, Value]

    def having(self, var: tirx.Var, own: Sequence[Any], wide: Value) -> Lanes:
        """Return the same with one more variable that differs between lanes."""
        return replace(self, own={**self.own, var: own}, wide={**self.wide, var: wide})

    def of(self, expr: Any) -> list[Any]:
        """Return `expr`, an integer, in each lane; one entry if it is the same in all."""
        simplify = self.emitter.simplify
        if not uses(expr, self.own):
            return [simplify(expr)]
        lanes = [
            simplify(substitute(expr, {var: values[lane] for var, values in self.own.items()}))
            for lane in range(LANES)
        ]
        if all(self.emitter.equal(lane, lanes[0]) for lane in lanes[1:]):
            return lanes[:1]
        return lanes


@dataclass(frozen=True)
class Point:
    """Where a fragment is: the `lines` that find its axes, and what they are in its lanes.

    `names` has the axes that all lanes share, and others that `lanes` is written in.
    """

    lines: tuple[str, ...]
    names: Mapping[tirx.Var, Value]
    lanes: Lanes


def count(emitter: Emitter, axes: Sequence[Axis]) -> Any:
    """Return how many points `axes` have."""
    size: Any = integer(1)
    for axis in axes:
        size = size * axis.extent
    return emitter.simplify(size)


def texels(emitter: Emitter, size: Any) -> Any:
    """Return how many texels hold `size` elements."""
    return emitter.simplify(tirx.floordiv(size + (LANES - 1), LANES))


def aligned(emitter: Emitter, axes: Sequence[Axis]) -> bool:
    """Tell whether the innermost axis alone tells the lanes apart."""
    if len(axes) < 2:
        return True
    return constant(emitter.simplify(tirx.floormod(axes[-1].extent, LANES))) == 0


def locate(emitter: Emitter, axes: Sequence[Axis], size: Size) -> Point:
    """Find the axes of the fragment that makes texel `t`."""
    found = _together if aligned(emitter, axes) else _apart
    return found(emitter, axes, size)


def _together(emitter: Emitter, axes: Sequence[Axis], size: Size) -> Point:
    names: dict[tirx.Var, Value] = {}
    own: dict[tirx.Var, Sequence[Any]] = {}
    wide: dict[tirx.Var, Value] = {}
    shared = list(axes)
    after: list[str] = []
    if axes:
        *_, inner = axes
        group = emitter.axis("q", texels(emitter, inner.extent))
        shared[-1] = group
        own[inner.var] = [emitter.simplify(group.var * LANES + lane) for lane in range(LANES)]
        wide[inner.var] = Value("lane", "int", True)
        after = [f"ivec4 lane = i{len(axes) - 1} * 4 + ivec4(0, 1, 2, 3);"]
    for position, axis in enumerate(shared):
        names[axis.var] = Value(f"i{position}", "int")
    parts = [(f"i{n}", size(axis.extent)) for n, axis in enumerate(shared)]
    lines = _divided("int", "t", parts, "quotient({}, {})")
    return Point((*lines, *after), names, Lanes(emitter, own, wide))


def _apart(emitter: Emitter, axes: Sequence[Axis], size: Size) -> Point:
    names: dict[tirx.Var, Value] = {}
    own: dict[tirx.Var, Sequence[Any]] = {}
    wide: dict[tirx.Var, Value] = {}
    for position, axis in enumerate(axes):
        wide[axis.var] = Value(f"i{position}", "int", True)
        lanes = []
        for component in "xyzw":
            name = f"{axis.var.name}_{component}"
            lane = emitter.bind(Axis(tirx.Var(name, INDEX), axis.extent))
            names[lane.var] = Value(f"i{position}.{component}", "int")
            lanes.append(lane.var)
        own[axis.var] = lanes
    parts = [(f"i{n}", size(axis.extent)) for n, axis in enumerate(axes)]
    lines = _divided("ivec4", "flat4", parts, "{} / {}")
    return Point(
        ("ivec4 flat4 = t * 4 + ivec4(0, 1, 2, 3);", *lines), names, Lanes(emitter, own, wide)
    )


def _divided(kind: str, whole: str, parts: Sequence[tuple[str, str]], form: str) -> list[str]:
    """Take `whole` apart into axes of these names and sizes, the last one fastest."""
    lines = []
    for position, (name, size) in reversed(list(enumerate(parts))):
        if position == 0:
            lines.append(f"{kind} {name} = {whole};")
        else:
            lines.append(f"{kind} rest{position} = {form.format(whole, size)};")
            whole, before = f"rest{position}", whole
            lines.append(f"{kind} {name} = {before} - {whole} * {size};")
    return lines
