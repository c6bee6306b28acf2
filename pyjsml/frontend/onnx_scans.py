"""Scans, which run their body once per slice of their inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pyjsml.frontend.extras import require
from pyjsml.frontend.onnx_bodies import Writer, attributes_of

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def scan_steps(graph: GraphProto, node: NodeProto) -> int:
    """Return how many steps the scan `node` takes: 0 if `graph` does not tell."""
    attributes = attributes_of(node)
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
    return 0 if others else count


class Scan(Writer):
    """Writes out a scan."""

    def nodes(self) -> Iterator[NodeProto]:
        """Yield the nodes of every step, and those that put their results together."""
        first = len(self.node.input) - self.attributes["num_scan_inputs"]
        states = list(self.node.input)[:first]
        rows: list[list[str]] = [[] for _ in self.body.output[first:]]
        for step in range(self.count):
            slices = list(self._slices(step, first))
            yield from slices
            taken = [node.output[0] for node in slices if node.op_type == "Gather"]
            copies, results = self.step(step, [*states, *taken])
            yield from copies
            states = results[:first]
            for row, result in zip(rows, results[first:], strict=True):
                row.append(result)
        outputs = list(self.node.output)
        yield from self.carried(states, outputs[:first])
        for index, (row, output) in enumerate(zip(rows, outputs[first:], strict=False)):
            if output:
                backwards = self._option("scan_output_directions", index)
                axis = self._option("scan_output_axes", index)
                yield from self.stack(row[::-1] if backwards else row, output, axis)

    def _slices(self, step: int, first: int) -> Iterator[NodeProto]:
        """Yield what takes the slices of a step of the inputs from the `first` on."""
        inner = [value.name for value in self.body.input[first:]]
        for index, name in enumerate(inner):
            backwards = self._option("scan_input_directions", index)
            at = f"{self.prefix}_{step}_{name}_at"
            yield self.constant(at, np.array(self.count - 1 - step if backwards else step))
            yield require("onnx").helper.make_node(
                "Gather",
                [self.node.input[first + index], at],
                [f"{self.prefix}_{step}_{name}"],
                axis=self._option("scan_input_axes", index),
            )

    def _option(self, name: str, index: int) -> int:
        """Return what an attribute says of an input or an output: 0 by default."""
        values: Mapping[int, int] = dict(enumerate(self.attributes.get(name, ())))
        return values.get(index, 0)
