"""Bodies of scans and loops, copied into the graph around them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyjsml.frontend.extras import require

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto


def attributes_of(node: NodeProto) -> dict[str, Any]:
    """Return the attributes of `node` by name."""
    helper = require("onnx").helper
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Yield the graphs inside `node`."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def opset_of(model: ModelProto) -> int:
    """Return the version of ONNX's own operators that `model` uses."""
    return next((entry.version for entry in model.opset_import if not entry.domain), 1)


def reads(node: NodeProto) -> set[str]:
    """Return the names of the values that `node` reads, or a graph inside it."""
    names = set(filter(None, node.input))
    for graph in subgraphs(node):
        own = {value.name for value in (*graph.input, *graph.initializer)}
        for inner in graph.node:
            names |= reads(inner) - own
            own.update(inner.output)
        names |= {value.name for value in graph.output} - own
    return names


class Writer(ABC):
    """Writes out a node whose `body` is run `count` times.

    The inputs `states` of the node are carried from step to step: a step's results are the states
    that it leaves, and then its parts of what is put together of all steps. The node's outputs are
    in the same order. The names of what is made for it begin with `prefix`.
    """

    def __init__(
        self, node: NodeProto, states: Sequence[str], count: int, prefix: str, opset: int
    ) -> None:
        self.node = node
        self.count = count
        self.prefix = prefix
        self.attributes = attributes_of(node)
        self.body: GraphProto = self.attributes["body"]
        self._states = states
        self._opset = opset
        self._constants = {
            tensor.name: f"{prefix}_{tensor.name}" for tensor in self.body.initializer
        }

    @abstractmethod
    def given(self, number: int, states: Sequence[str]) -> tuple[list[NodeProto], list[str]]:
        """Return what the step `number` is given, after a step that has left it `states`.

        That is a name for each input of the body, and the nodes that make those values.
        """

    def stacked(self, index: int, row: Sequence[str]) -> tuple[Sequence[str], int]:
        """Return the parts of an output, `row` of all steps, in its order, and its new axis.

        `index` counts the outputs that are put together.
        """
        return row, 0

    def nodes(self) -> Iterator[NodeProto]:
        """Yield the nodes of every step, and those that put their results together."""
        states = self._states
        carried = len(states)
        rows: list[list[str]] = [[] for _ in self.node.output[carried:]]
        for number in range(self.count):
            made, given = self.given(number, states)
            yield from made
            copies, results = self.step(number, given)
            yield from copies
            states = results[:carried]
            for row, result in zip(rows, results[carried:], strict=False):
                row.append(result)
        helper = require("onnx").helper
        for state, output in zip(states, self.node.output, strict=False):
            if output:
                yield helper.make_node("Identity", [state], [output])
        for index, (row, output) in enumerate(zip(rows, self.node.output[carried:], strict=True)):
            if output:
                yield from self._stack(*self.stacked(index, row), output)

    def initializers(self) -> Iterator[TensorProto]:
        """Yield the body's own, which all steps share."""
        for tensor in self.body.initializer:
            shared = type(tensor)()
            shared.CopyFrom(tensor)
            shared.name = self._constants[tensor.name]
            yield shared

    def step(self, number: int, given: Sequence[str]) -> tuple[list[NodeProto], list[str]]:
        """Return a copy of the body's nodes, and the names of its results.

        Its inputs are the values `given`. What is of none of its nodes is of the graph around.
        """
        names = dict(self._constants)
        names |= zip([value.name for value in self.body.input], given, strict=True)
        copies = []
        for node in self.body.node:
            copy = type(node)()
            copy.CopyFrom(node)
            copy.name = f"{self.prefix}_{number}_{node.name}" if node.name else ""
            _rename_uses(copy, names)
            for name in filter(None, node.output):
                names[name] = f"{self.prefix}_{number}_{name}"
            copy.output[:] = [names.get(name, name) for name in node.output]
            copies.append(copy)
        return copies, [names.get(value.name, value.name) for value in self.body.output]

    def constant(self, name: str, value: Any) -> NodeProto:
        """Return a node that makes a numpy array the value `name`."""
        onnx = require("onnx")
        tensor = onnx.numpy_helper.from_array(value, name)
        node: NodeProto = onnx.helper.make_node("Constant", [], [name], value=tensor)
        return node

    def _stack(self, row: Sequence[str], axis: int, output: str) -> Iterator[NodeProto]:
        """Yield what makes an output of the results `row` of all steps, along a new axis."""
        import numpy as np

        helper = require("onnx").helper
        axes = f"{self.prefix}_{output}_axes"
        is_input = self._opset >= 13  # and an attribute before
        if is_input:
            yield self.constant(axes, np.array([axis]))
        parts = [f"{self.prefix}_{output}_{step}" for step in range(self.count)]
        for part, result in zip(parts, row, strict=True):
            given = [result, axes] if is_input else [result]
            attributes = {} if is_input else {"axes": [axis]}
            yield helper.make_node("Unsqueeze", given, [part], **attributes)
        yield helper.make_node("Concat", parts, [output], axis=axis)


def _rename_uses(node: NodeProto, names: Mapping[str, str]) -> None:
    """Give what `node`, and the graphs inside it, read the new `names`."""
    node.input[:] = [names.get(name, name) for name in node.input]
    for graph in subgraphs(node):
        own = {value.name for value in (*graph.input, *graph.initializer)}
        own.update(name for inner in graph.node for name in inner.output)
        outer = {old: new for old, new in names.items() if old not in own}
        for inner in graph.node:
            _rename_uses(inner, outer)
        for value in graph.output:
            value.name = outer.get(value.name, value.name)
