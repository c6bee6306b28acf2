"""Loops, which run their body until they have counted far enough, or its condition fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyjsml.frontend.extras import require
from pyjsml.frontend.onnx_bodies import Writer, attributes_of, reads

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

    from pyjsml.program import Array

    Constant = TensorProto | NodeProto
    """What holds a constant: an initializer, or a node."""

_CARRIED = 2
"""The number and the condition of a step come before the values that are carried from it on."""


def loop_steps(
    constants: Mapping[str, Constant], node: NodeProto, most: int, opset: int
) -> int | None:
    """Return how many steps the loop `node` takes: None if the `constants` around do not tell.

    None, too, if they are more than `most`, or if none leaves outputs without elements.
    """
    limit, condition = [*node.input, "", ""][:_CARRIED]
    body = attributes_of(node)["body"]
    fits = _CARRIED <= len(body.input) == len(node.input)
    if not fits or not all(name in constants for name in (limit, condition) if name):
        return None
    end = int(_array(constants[limit]).item()) if limit else most + 1
    goes_on = bool(_array(constants[condition]).item()) if condition else True
    decision = _Decision(body, node, constants, opset)
    if not decision.is_known:
        return None
    count = 0
    while goes_on and count < end:
        if count == most:
            return None
        goes_on = decision.after(count)
        count += 1
    carried = len(node.input) - _CARRIED
    return None if count == 0 and any(node.output[carried:]) else count


def constants_of(graph: GraphProto) -> dict[str, Constant]:
    """Return what holds the constants of `graph`, by name."""
    found: dict[str, Constant] = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and not node.input:
            found[node.output[0]] = node
    return found


class Loop(Writer):
    """Writes out a loop."""

    def __init__(self, node: NodeProto, count: int, prefix: str, opset: int) -> None:
        super().__init__(node, list(node.input)[_CARRIED:], count, prefix, opset)
        self._goes_on = f"{prefix}_goes_on"

    def nodes(self) -> Iterator[NodeProto]:
        """Yield the condition, which holds at each step that is taken, and then the steps."""
        yield self.constant(self._goes_on, np.array(True))
        yield from super().nodes()

    def given(self, number: int, states: Sequence[str]) -> tuple[list[NodeProto], list[str]]:
        """Return the number of a step, the condition and the states."""
        at = f"{self.prefix}_{number}_at"
        shape = [1] * len(self.body.input[0].type.tensor_type.shape.dim)
        return [self.constant(at, np.full(shape, number, np.int64))], [at, self._goes_on, *states]

    def step(self, number: int, given: Sequence[str]) -> tuple[list[NodeProto], list[str]]:
        """Return a copy of the body, and its results but for the first: its decision is known."""
        copies, (_, *results) = super().step(number, given)
        return copies, results


class _Decision:
    """The part of a body that decides whether there is another step, run as ONNX defines it.

    It `is_known` if it reads nothing but constants, and what follows from them.
    """

    def __init__(
        self, body: GraphProto, node: NodeProto, constants: Mapping[str, Constant], opset: int
    ) -> None:
        self._number, self._goes_on, *states = [value.name for value in body.input]
        condition, *results = [value.name for value in body.output]
        before = dict(zip(states, list(node.input)[_CARRIED:], strict=True))
        after = dict(zip(states, results, strict=False))
        self._results = {self._goes_on: condition}
        nodes, read = _needed(body, {condition})
        while waiting := [name for name in states if name in read - self._results.keys()]:
            self._results |= {name: after[name] for name in waiting}
            nodes, read = _needed(body, set(self._results.values()))
        own = {tensor.name: tensor for tensor in body.initializer}
        outer = read - own.keys() - {self._number, self._goes_on, *states}
        carried = {name: before[name] for name in self._results if name in before}
        self.is_known = all(name in constants for name in (*outer, *carried.values()))
        if not self.is_known:
            return
        self._values = {name: _array(constants[value]) for name, value in carried.items()}
        known = {name: _array(constants[name]) for name in outer}
        given = [self._number, self._goes_on, *carried]
        self._evaluator = _evaluator(nodes, given, self._results.values(), known, own, opset)

    def after(self, step: int) -> bool:
        """Return whether there is another step after `step`; they are asked for in order."""
        feeds = {self._number: np.array(step), self._goes_on: np.array(True), **self._values}
        found = self._evaluator.run(None, feeds)
        self._values = dict(zip(self._results, found, strict=True))
        return bool(np.asarray(self._values.pop(self._goes_on)).item())


def _evaluator(
    nodes: Sequence[NodeProto],
    given: Sequence[str],
    results: Iterable[str],
    known: Mapping[str, Array],
    own: Mapping[str, TensorProto],
    opset: int,
) -> Any:
    """Return what runs `nodes` on the values `given`."""
    onnx = require("onnx")
    from onnx.reference import ReferenceEvaluator

    untyped = onnx.helper.make_empty_tensor_value_info
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in known.items()]
    graph = onnx.helper.make_graph(
        nodes,
        "decision",
        [untyped(name) for name in given],
        [untyped(name) for name in results],
        [*constants, *own.values()],
    )
    return ReferenceEvaluator(graph, opsets={"": opset})


def _needed(body: GraphProto, wanted: set[str]) -> tuple[list[NodeProto], set[str]]:
    """Return the nodes of `body` that `wanted` values follow from, and what they read of others."""
    nodes: list[NodeProto] = []
    read = set(wanted)
    for node in reversed(body.node):
        if read.isdisjoint(node.output):
            continue
        nodes.insert(0, node)
        read.difference_update(node.output)
        read.update(reads(node))
    return nodes, read


def _array(constant: Constant) -> Array:
    """Return a constant as an array: an initializer, or what a Constant node holds."""
    onnx = require("onnx")
    if isinstance(constant, onnx.TensorProto):
        array: Array = onnx.numpy_helper.to_array(constant)
        return array
    (value,) = attributes_of(constant).values()
    return _array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)
