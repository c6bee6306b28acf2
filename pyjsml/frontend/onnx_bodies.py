"""Bodies of scans and loops, copied into the graph around them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyjsml.frontend.extras import require

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

STANDARD = ("", "ai.onnx")
"""The names of ONNX's own domain."""


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

    The names of what is made for it begin with `prefix`.
    """

    def __init__(self, node: NodeProto, count: int, prefix: str, opset: int) -> None:
        self.node = node
        self.count = count
        self.prefix = prefix
        self.attributes = attributes_of(node)
        self.body: GraphProto = self.attributes["body"]
        self._opset = opset
        self._constants = {
            tensor.name: f"{prefix}_{tensor.name}" for tensor in self.body.initializer
        }

    @abstractmethod
    def nodes(self) -> Iterator[NodeProto]:
        """Yield the nodes of every step, and those that put their results together."""

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

    def carried(self, states: Sequence[str], outputs: Sequence[str]) -> Iterator[NodeProto]:
        """Yield what makes outputs of the states that the last step has left."""
        for state, output in zip(states, outputs, strict=False):
            if output:
                yield require("onnx").helper.make_node("Identity", [state], [output])

    def stack(self, row: Sequence[str], output: str, axis: int) -> Iterator[NodeProto]:
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
