"""Scans of a known, small number of steps, written out step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyjsml.frontend.extras import require

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

MAX_STEPS = 64
"""How many copies of a body there may be: more of them are more code than a loop is worth."""

_STANDARD = ("", "ai.onnx")


def unroll(model: ModelProto) -> ModelProto:
    """Return the model with its scans written out, or the very same model if none of them can be.

    A scan stays whole if the model does not say how many steps it takes, if they are more than
    `MAX_STEPS`, or if its body has graphs of its own. The format is that since opset 9.
    """
    onnx = require("onnx")
    steps = {index: _steps(model.graph, node) for index, node in enumerate(model.graph.node)}
    opset = max((e.version for e in model.opset_import if e.domain in _STANDARD), default=1)
    if not any(steps.values()) or opset < 9:
        return model
    unrolled: ModelProto = onnx.ModelProto()
    unrolled.CopyFrom(model)
    del unrolled.graph.node[:]
    for index, node in enumerate(model.graph.node):
        if count := steps[index]:
            scan = _Scan(node, count, f"{node.name or node.op_type}_{index}", opset)
            unrolled.graph.node.extend(scan.nodes())
            unrolled.graph.initializer.extend(scan.initializers())
        else:
            unrolled.graph.node.append(node)
    return unrolled


def _steps(graph: GraphProto, node: NodeProto) -> int:
    """Return how many steps the scan `node` is written out in: 0 if it is none, or stays whole."""
    if node.op_type != "Scan" or node.domain not in _STANDARD:
        return 0
    attributes = _attributes(node)
    inner = [attribute for each in attributes["body"].node for attribute in each.attribute]
    if any(attribute.HasField("g") or attribute.graphs for attribute in inner):
        return 0
    scanned = list(node.input)[-attributes["num_scan_inputs"] :]
    axes = attributes.get("scan_input_axes") or [0] * len(scanned)
    types = {
        value.name: value.type.tensor_type
        for value in (*graph.input, *graph.value_info)
        if value.type.tensor_type.HasField("shape")
    }
    shapes = {name: [dim.dim_value for dim in each.shape.dim] for name, each in types.items()}
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    found = {
        shapes[name][axis]
        for name, axis in zip(scanned, axes, strict=True)
        if -len(shapes.get(name, ())) <= axis < len(shapes.get(name, ()))
    }
    (count, *others) = found or {0}
    return count if not others and count <= MAX_STEPS else 0


def _attributes(node: NodeProto) -> dict[str, Any]:
    helper = require("onnx").helper
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


class _Scan:
    """One scan, of `count` steps; the names of what is made for it begin with `prefix`."""

    def __init__(self, node: NodeProto, count: int, prefix: str, opset: int) -> None:
        self._node = node
        self._count = count
        self._prefix = prefix
        self._opset = opset
        self._attributes = _attributes(node)
        self._body: GraphProto = self._attributes["body"]
        scanned: int = self._attributes["num_scan_inputs"]
        self._states = len(node.input) - scanned
        self._constants = {
            tensor.name: f"{prefix}_{tensor.name}" for tensor in self._body.initializer
        }

    def initializers(self) -> Iterator[Any]:
        """Yield the body's own, which all steps share."""
        for tensor in self._body.initializer:
            shared = type(tensor)()
            shared.CopyFrom(tensor)
            shared.name = self._constants[tensor.name]
            yield shared

    def nodes(self) -> Iterator[NodeProto]:
        """Yield the nodes of every step, and those that put their results together."""
        helper = require("onnx").helper
        states = list(self._node.input)[: self._states]
        rows: list[list[str]] = [[] for _ in self._body.output[self._states :]]
        for step in range(self._count):
            names = dict(self._constants)
            names |= zip([value.name for value in self._body.input], states, strict=False)
            yield from self._slices(step, names)
            yield from self._copy(step, names)
            results = [names.get(value.name, value.name) for value in self._body.output]
            states = results[: self._states]
            for row, result in zip(rows, results[self._states :], strict=True):
                row.append(result)
        for state, output in zip(states, self._node.output, strict=False):
            if output:
                yield helper.make_node("Identity", [state], [output])
        for index, (row, output) in enumerate(
            zip(rows, list(self._node.output)[self._states :], strict=False)
        ):
            if output:
                yield from self._stack(index, row, output)

    def _slices(self, step: int, names: dict[str, str]) -> Iterator[NodeProto]:
        """Yield what takes the slices of a step, and tell their names."""
        helper, onnx = require("onnx").helper, require("onnx")
        inner = [value.name for value in self._body.input[self._states :]]
        for index, name in enumerate(inner):
            backwards = self._option("scan_input_directions", index)
            at = f"{self._prefix}_{step}_{name}_at"
            place = self._count - 1 - step if backwards else step
            value = helper.make_tensor(at, onnx.TensorProto.INT64, [], [place])
            yield helper.make_node("Constant", [], [at], value=value)
            names[name] = f"{self._prefix}_{step}_{name}"
            source = self._node.input[self._states + index]
            axis = self._option("scan_input_axes", index)
            yield helper.make_node("Gather", [source, at], [names[name]], axis=axis)

    def _copy(self, step: int, names: dict[str, str]) -> Iterator[NodeProto]:
        """Yield the body's nodes; what is of none of them is of the graph around."""
        for node in self._body.node:
            copy = type(node)()
            copy.CopyFrom(node)
            copy.name = f"{self._prefix}_{step}_{node.name}" if node.name else ""
            copy.input[:] = [names.get(name, name) for name in node.input]
            for name in filter(None, node.output):
                names[name] = f"{self._prefix}_{step}_{name}"
            copy.output[:] = [names.get(name, name) for name in node.output]
            yield copy

    def _stack(self, index: int, row: list[str], output: str) -> Iterator[NodeProto]:
        """Yield what makes an output of the results of all steps."""
        helper, onnx = require("onnx").helper, require("onnx")
        axis = self._option("scan_output_axes", index)
        if self._option("scan_output_directions", index):
            row = row[::-1]
        axes = f"{self._prefix}_{output}_axes"
        is_input = self._opset >= 13  # and an attribute before
        if is_input:
            value = helper.make_tensor(axes, onnx.TensorProto.INT64, [1], [axis])
            yield helper.make_node("Constant", [], [axes], value=value)
        parts = [f"{self._prefix}_{output}_{step}" for step in range(self._count)]
        for part, result in zip(parts, row, strict=True):
            given = [result, axes] if is_input else [result]
            attributes = {} if is_input else {"axes": [axis]}
            yield helper.make_node("Unsqueeze", given, [part], **attributes)
        yield helper.make_node("Concat", parts, [output], axis=axis)

    def _option(self, name: str, index: int) -> int:
        """Return what an attribute says of an input or an output: 0 by default."""
        values: Mapping[int, int] = dict(enumerate(self._attributes.get(name, ())))
        return values.get(index, 0)
