"""Quantised operators side by side in one ONNX model, with seeded inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

if TYPE_CHECKING:
    from pyjsml.program import Array

OPSET = 21
IR_VERSION = 10
MICROSOFT = "com.microsoft"


@dataclass
class Graph:
    """A model under construction: nodes with inputs, weights and outputs of their own."""

    seed: int = 0
    nodes: list[NodeProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)
    inputs: dict[str, Array] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def bytes(self, shape: Sequence[int], dtype: str) -> Array:
        """Return bytes of the whole range, the ends of it above all."""
        limits = np.iinfo(dtype)
        drawn = self.random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        ends = self.random.choice(np.array([limits.min, limits.max], dtype), shape)
        return np.asarray(np.where(self.random.random(shape) < 0.3, ends, drawn))

    def floats(self, shape: Sequence[int], reach: float = 2.0) -> Array:
        """Return floats within `reach`."""
        return self.random.uniform(-reach, reach, shape).astype(np.float32)

    def scales(self, *shape: int) -> Array:
        """Return scales between 0.001 and 0.01."""
        return np.asarray(self.random.uniform(0.001, 0.01, shape), np.float32)

    def input(self, array: Array) -> str:
        """Add an input and return its name."""
        name = f"in{len(self.inputs)}"
        self.inputs[name] = array
        return name

    def weight(self, array: Any) -> str:
        """Add a constant and return its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(
        self, op: str, inputs: Sequence[str], domain: str = "", count: int = 1, **attributes: Any
    ) -> str:
        """Add a node and return the name of its first output, of `count`."""
        names = [f"{op}{len(self.nodes)}_{number}" for number in range(count)]
        self.nodes.append(
            helper.make_node(op, inputs, names, name=names[0], domain=domain, **attributes)
        )
        return names[0]

    def output(self, name: str) -> None:
        """Make a node's result an output of the model."""
        self.outputs.append(name)

    def finish(self) -> tuple[ModelProto, dict[str, Array]]:
        """Return the model, and what ONNX Runtime makes of the inputs."""
        empty = [helper.make_empty_tensor_value_info(name) for name in self.outputs]
        expected = in_runtime(self._model(empty), self.inputs)
        return self._model([_value(name, array) for name, array in expected.items()]), expected

    def _model(self, outputs: Sequence[ValueInfoProto]) -> ModelProto:
        inputs = [_value(name, array) for name, array in self.inputs.items()]
        graph = helper.make_graph(self.nodes, "quantized", inputs, outputs, self.weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)


def _value(name: str, array: Array) -> ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape)


def in_runtime(model: ModelProto, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return what ONNX Runtime computes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))
