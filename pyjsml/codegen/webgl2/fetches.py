"""Loads of tensors as fetches of texels, each texel once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tvm import tirx

from pyjsml.codegen.webgl2.kinds import stored_kind
from pyjsml.codegen.webgl2.lanes import LANES
from pyjsml.codegen.webgl2.operators import place
from pyjsml.codegen.webgl2.writer import VECTORS, Value
from pyjsml.kernels.tir.expression import constant, dtype, integer

if TYPE_CHECKING:
    from pyjsml.codegen.webgl2.evaluator import Evaluator

COMPONENTS = "xyzw"


@dataclass(frozen=True)
class Guard:
    """A condition under which a texel is what it is; else all of it is `other`."""

    condition: Value
    other: Value


@dataclass(frozen=True)
class Sampler:
    """A tensor that a pass reads, by its name in the shader; `layers` says that it has some."""

    name: str
    dtype: str
    layers: bool = False


class Fetches:
    """Writes fetches for an evaluator. `samplers` has the tensors by their flat buffers."""

    def __init__(self, evaluator: Evaluator, samplers: Mapping[tirx.Var, Sampler]) -> None:
        self._evaluator = evaluator
        self._writer = evaluator.writer
        self._emitter = evaluator.emitter
        self._samplers = samplers

    def load(
        self,
        buffer: tirx.Var,
        lanes: Sequence[Any],
        layers: Sequence[Any] = (),
        guard: Guard | None = None,
    ) -> Value:
        """Load the elements of `buffer` at the flat indices of the lanes, or at the only index.

        `layers` are those of an array texture likewise.
        """
        readers = [_Reader(self, buffer, layer, guard) for layer in layers or (None,)]
        if len(readers) == 1:
            if len(lanes) == 1:
                return readers[0].element(lanes[0])
            first = lanes[0]
            steps = [constant(self._emitter.simplify(lane - first)) for lane in lanes]
            if steps == list(range(LANES)):
                return readers[0].row(first)
        wide = [LANES // len(each) * list(each) for each in (readers, lanes)]
        parts = [reader.element(lane) for reader, lane in zip(*wide, strict=True)]
        text = ", ".join(part.text for part in parts)
        kind = readers[0].kind
        return self._writer.keep(f"{VECTORS[kind]}({text})", kind, True, parts)


class _Reader:
    """Reads one tensor."""

    def __init__(self, fetches: Fetches, buffer: tirx.Var, layer: Any, guard: Guard | None) -> None:
        self._evaluator = fetches._evaluator
        self._writer = fetches._writer
        self._simplify = fetches._emitter.simplify
        self._sampler = fetches._samplers[buffer]
        self._layer = None if layer is None else self._evaluator.index(layer)
        self._guard = guard
        self.kind = stored_kind(dtype(buffer))

    def element(self, index: Any) -> Value:
        """Read the element at a flat index."""
        lane = constant(self._simplify(tirx.floormod(index, LANES)))
        if lane is not None:
            texel = self.texel(tirx.floordiv(index, LANES))
            return replace(texel, text=f"{texel.text}.{COMPONENTS[lane]}", wide=False)
        at = self._evaluator.index(self._simplify(index))
        quarter = self._writer.keep(f"{at.text} >> 2", "int", False, [at])
        texel = self._fetch(place(self._writer, quarter, 0.5))
        return self._writer.keep(f"{texel.text}[{at.text} & 3]", self.kind, False, [texel, at])

    def row(self, index: Any) -> Value:
        """Read four elements that follow each other from a flat index on."""
        lane = constant(self._simplify(tirx.floormod(index, LANES)))
        first = tirx.floordiv(index, LANES)
        if lane == 0:
            return self.texel(first)
        low, high = self.texel(first), self.texel(first + integer(1))
        if lane is not None:
            parts = f"{low.text}.{COMPONENTS[lane:]}, {high.text}.{COMPONENTS[:lane]}"
            text = f"{VECTORS[self.kind]}({parts})"
            return self._writer.keep(text, self.kind, True, [low, high])
        self._writer.functions.add("shifted")
        at = self._evaluator.index(self._simplify(index))
        text = f"shifted({low.text}, {high.text}, {at.text} & 3)"
        return self._writer.keep(text, self.kind, True, [low, high, at])

    def texel(self, index: Any) -> Value:
        """Read the texel of an index."""
        return self._fetch(self._evaluator.coordinate(index))

    def _fetch(self, at: Value) -> Value:
        """Read the texel at a coordinate.

        Filtering is off, so this is a fetch; but drivers on a CPU take half as long for it.
        """
        of = [at]
        name, size = self._sampler.name, self._sampler.name.replace("t", "s")
        text = f"at({at.text}, {size})"
        if self._layer is not None:
            of.append(self._layer)
            text = f"vec3({text}, {self._layer.text})"
        text = f"texture({name}, {text})"
        texel = self._writer.keep(text, self.kind, True, of)
        if self._guard is None:
            return texel
        condition, other = self._guard.condition, self._guard.other
        text = f"{condition.text} ? {texel.text} : {other.widened()}"
        return self._writer.keep(text, self.kind, True, [texel, condition, other])
