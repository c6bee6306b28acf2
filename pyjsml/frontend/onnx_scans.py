"""Scans, which run their body once per slice of their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyjsml.frontend.extras import require
from pyjsml.frontend.onnx_bodies import Writer, attributes_of

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def shapes_of(graph: GraphProto) -> dict[str, list[int]]:
    """Return the shapes of the values of `graph`, by name: 0 stands for a length that varies."""
    types = {
        value.name: value.type.tensor_type
        for value in (*graph.input, *graph.value_info)
        if value.type.tensor_type.HasField("shape")
    }
    shapes = {name: [dim.dim_value for dim in each.shape.dim] for name, each in types.items()}
    return shapes | {tensor.name: list(tensor.dims) for tensor in graph.initializer}


def scan_steps(shapes: Mapping[str, Sequence[int]], node: NodeProto) -> int:
    """Return how many steps the scan `node` takes: 0 if the `shapes` around do not tell."""
    attributes = attributes_of(node)
    scanned = list(node.input)[-attributes["num_scan_inputs"] :]
    axes = attributes.get("scan_input_axes") or [0] * len(scanned)
    found = {
        shapes[name][axis]
        for name, axis in zip(scanned, axes, strict=True)
        if -len(shapes.get(name, ())) <= axis < len(shapes.get(name, ()))
    }
    (count, *others) = found or {0}
    return 0 if others else count


class Scan(Writer):
    """Writes out a scan."""

    def __init__(self, node: NodeProto, count: int, prefix: str, opset: int) -> None:
        self._first = len(node.input) - attributes_of(node)["num_scan_inputs"]
        super().__init__(node, list(node.input)[: self._first], count, prefix, opset)

    def given(self, number: int, states: Sequence[str]) -> tuple[list[NodeProto], list[str]]:
        """Return the states, and what takes a step's slices of the inputs that are scanned."""
        made = []
        taken = []
        scanned = zip(self.body.input[self._first :], self.node.input[self._first :], strict=True)
        for index, (value, given) in enumerate(scanned):
            backwards = self._option("scan_input_directions", index)
            slice_, at = (f"{self.prefix}_{number}_{value.name}{end}" for end in ("", "_at"))
            made.append(
                self.constant(at, np.array(self.count - 1 - number if backwards else number))
            )
            axis = self._option("scan_input_axes", index)
            made.append(
                require("onnx").helper.make_node("Gather", [given, at], [slice_], axis=axis)
            )
            taken.append(slice_)
        return made, [*states, *taken]

    def stacked(self, index: int, row: Sequence[str]) -> tuple[Sequence[str], int]:
        """Return the parts of an output, which may be put together backwards, along any axis."""
        backwards = self._option("scan_output_directions", index)
        return row[::-1] if backwards else row, self._option("scan_output_axes", index)

    def _option(self, name: str, index: int) -> int:
        """Return what an attribute says of an input or an output: 0 by default."""
        values: Mapping[int, int] = dict(enumerate(self.attributes.get(name, ())))
        return values.get(index, 0)
