"""Name the first op whose output is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pyjsml.check.compare import Comparison, compare, largest
from pyjsml.check.tolerance import Tolerance, tolerance
from pyjsml.program import Origin

if TYPE_CHECKING:
    from pyjsml.engines.precision import Precision
    from pyjsml.program import Array


class Reference(Protocol):
    """The user's model in its own framework: what a bundle should compute."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name."""

    def intermediates(self, inputs: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        """Return the outputs of the source nodes called `names`, as far as they can be had."""


@dataclass(frozen=True)
class Suspect:
    """An op and what came of comparing one of its outputs."""

    op: str
    kind: str
    origin: str
    value: str
    dtype: str
    shape: tuple[int, ...]
    tolerance: str
    comparison: Comparison


@dataclass(frozen=True)
class Produced:
    """A value of the graph and the op that computes it."""

    op: Mapping[str, Any]
    value: Mapping[str, Any]


def produced_values(model: Mapping[str, Any]) -> Iterator[Produced]:
    """Yield the outputs of the ops of the model's main steps, in schedule order."""
    for kind, target in model["main"]:
        if kind == "call":
            op = model["ops"][target]
            for index in op["outputs"]:
                yield Produced(op, model["values"][index])


def expected_values(
    model: Mapping[str, Any], reference: Reference, inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """Return what each value of the graph that has a source node should hold.

    Its elements in row-major order are those of the node's output with the axes permuted by the
    value's `layout`; its shape may be another.
    """
    values = [p.value for p in produced_values(model) if p.value.get("node")]
    nodes = reference.intermediates(inputs, list(dict.fromkeys(v["node"] for v in values)))
    return {
        value["name"]: _permuted(nodes[value["node"]], value.get("layout"))
        for value in values
        if value["node"] in nodes
    }


def first_divergence(
    model: Mapping[str, Any],
    actual: Mapping[str, Array],
    expected: Mapping[str, Array],
    device: str,
    precision: Precision = "float32",
) -> Suspect | None:
    """Return the first op, in schedule order, with an output that differs from the expected one.

    Inside a model, an element near zero among large ones carries the rounding of the large ones.
    So the tolerance is widened first to the magnitude of the whole tensor: the op that exceeds even
    that is at fault. Only where none does, the first to exceed the tolerance of an output is named.
    """
    for widen in (True, False):
        for produced in produced_values(model):
            name = produced.value["name"]
            if name not in actual or name not in expected:
                continue
            bound = tolerance(produced.value["dtype"], device, precision)
            if widen:
                bound = _widened(bound, expected[name])
            have, want = actual[name], expected[name].astype(actual[name].dtype)
            if want.size == have.size:
                want = want.reshape(have.shape)
            comparison = compare(have, want, bound)
            if not comparison.ok:
                return _suspect(produced, have, bound, comparison)
    return None


def _permuted(array: Array, layout: Sequence[int] | None) -> Array:
    return np.transpose(array, layout) if layout else array


def _widened(bound: Tolerance, expected: Array) -> Tolerance:
    scale = bound.relative + bound.largest
    return Tolerance(bound.absolute + scale * largest(expected), 0.0)


def _suspect(
    produced: Produced, actual: Array, bound: Tolerance, comparison: Comparison
) -> Suspect:
    op, value = produced.op, produced.value
    origin = Origin(**op["origins"][-1]) if op["origins"] else Origin(value.get("node", ""))
    return Suspect(
        op=op["name"],
        kind=op["kind"],
        origin=str(origin),
        value=value["name"],
        dtype=value["dtype"],
        shape=actual.shape,
        tolerance=str(bound),
        comparison=comparison,
    )
