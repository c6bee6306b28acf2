"""Operator cases as data: one node, its inputs, and the outputs that are expected of it.

Many cases make one model: their graphs side by side, with names of their own. So a bundle, whose
compilation has a fixed cost, serves them all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pyjson5
from onnx import ModelProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pyjsml.program import Array

NEWEST_OPSET = 21
IR_VERSION = 10
CONSTANT_INPUTS: Mapping[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,),
    "CumSum": (1,),
    "Expand": (1,),
    "OneHot": (1,),
    "Pad": (1, 2, 3),
    "Range": (0, 1, 2),
    "ReduceL1": (1,),
    "ReduceL2": (1,),
    "ReduceLogSum": (1,),
    "ReduceLogSumExp": (1,),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceMin": (1,),
    "ReduceProd": (1,),
    "ReduceSum": (1,),
    "ReduceSumSquare": (1,),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
}
"""The inputs, by operator, on which shapes depend: models have constants there, and so do cases."""


@dataclass(frozen=True)
class OpCase:
    """A model of one node, and its test vectors. `name` says where the case comes from."""

    name: str
    model: ModelProto
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    @property
    def opsets(self) -> tuple[tuple[str, int], ...]:
        """The versions of the operator sets: cases can share a model if they share these."""
        return tuple((entry.domain, entry.version) for entry in self.model.opset_import)


def read_cases(path: Path, *, weights: bool = False) -> Iterator[OpCase]:
    """Yield the cases of a `.jsonc` file of ONNX Runtime Web or ONNX.js.

    With `weights` all inputs but a node's first are constants of the model, as weights are. Cases
    whose data does not fill their dims are left out.
    """
    for test in pyjson5.decode(path.read_text()):
        for number, case in enumerate(test["cases"]):
            name = f"{path.stem}/{test['name']}/{case.get('name', number)}"
            if all(_is_whole(tensor) for tensor in (*case["inputs"], *case["outputs"])):
                yield _case(name, test, case, weights=weights)


def merge(cases: Sequence[OpCase]) -> OpCase:
    """Return one case of all `cases`, which share opsets; the names of case 3 become `c3_…`."""
    graph = onnx.GraphProto(name="cases")
    inputs: dict[str, Array] = {}
    outputs: dict[str, Array] = {}
    for number, case in enumerate(cases):
        prefix = f"c{number}_"
        part = onnx.GraphProto()
        part.CopyFrom(case.model.graph)
        _prefix(part, prefix)
        graph.node.extend(part.node)
        graph.input.extend(part.input)
        graph.output.extend(part.output)
        graph.initializer.extend(part.initializer)
        inputs |= {prefix + name: array for name, array in case.inputs.items()}
        outputs |= {prefix + name: array for name, array in case.outputs.items()}
    model = helper.make_model(graph, opset_imports=cases[0].model.opset_import)
    model.ir_version = cases[0].model.ir_version
    return OpCase("merged", model, inputs, outputs)


def _prefix(graph: onnx.GraphProto, prefix: str) -> None:
    """Put `prefix` before every name in `graph`, and in the graphs inside it, in place."""
    for node in graph.node:
        node.name = prefix + node.name if node.name else ""
        node.input[:] = [prefix + name if name else "" for name in node.input]
        node.output[:] = [prefix + name if name else "" for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _prefix(attribute.g, prefix)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = prefix + value.name


def _case(name: str, test: Mapping[str, Any], case: Mapping[str, Any], *, weights: bool) -> OpCase:
    op = test["operator"]
    constant = CONSTANT_INPUTS.get(op, ())
    inputs: dict[str, Array] = {}
    names, variables, initializers = [], [], []
    for index, tensor in enumerate(case["inputs"]):
        if tensor["data"] is None:
            names.append("")
            continue
        names.append(f"in{index}")
        proto = _tensor(tensor, names[-1])
        if index in constant or (weights and index > 0):
            initializers.append(proto)
            continue
        variables.append(helper.make_tensor_value_info(names[-1], proto.data_type, proto.dims))
        inputs[names[-1]] = numpy_helper.to_array(proto)
    outputs, results, result_names = {}, [], []
    for index, tensor in enumerate(case["outputs"]):
        if tensor["data"] is None:
            result_names.append("")
            continue
        result_names.append(f"out{index}")
        proto = _tensor(tensor, result_names[-1])
        results.append(helper.make_tensor_value_info(result_names[-1], proto.data_type, proto.dims))
        outputs[result_names[-1]] = numpy_helper.to_array(proto)
    attributes = {entry["name"]: _attribute(entry) for entry in test.get("attributes", ())}
    opset = test.get("opset") or next(iter(test.get("opsets", ())), None)
    domain = opset["domain"] if opset else ""
    node = helper.make_node(op, names, result_names, domain=domain, **attributes)
    graph = helper.make_graph([node], op, variables, results, initializers)
    return OpCase(name, _model(graph, opset), inputs, outputs)


def _model(graph: onnx.GraphProto, opset: Mapping[str, Any] | None) -> ModelProto:
    """Return a model of the case's opset, or of the newest that takes its node as it is."""
    if opset is not None:
        return _versioned(graph, opset["domain"], int(opset["version"]))
    models = [_versioned(graph, "", version) for version in range(NEWEST_OPSET, 0, -1)]
    return next(filter(_is_valid, models), models[0])


def _versioned(graph: onnx.GraphProto, domain: str, version: int) -> ModelProto:
    imports = [helper.make_opsetid(domain, version)]
    if domain:
        imports.append(helper.make_opsetid("", NEWEST_OPSET))
    model = helper.make_model(graph, opset_imports=imports)
    model.ir_version = IR_VERSION
    return model


def _is_valid(model: ModelProto) -> bool:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return False
    return True


def _is_whole(tensor: Mapping[str, Any]) -> bool:
    return tensor["data"] is None or np.size(tensor["data"]) == math.prod(tensor["dims"])


def _tensor(tensor: Mapping[str, Any], name: str) -> TensorProto:
    names = {"float32": "FLOAT", "float64": "DOUBLE"}
    kind = TensorProto.DataType.Value(names.get(tensor["type"], tensor["type"].upper()))
    if kind in (TensorProto.INT4, TensorProto.UINT4):
        return helper.make_tensor(name, kind, tensor["dims"], tensor["data"])
    # Data out of range wraps, as in JavaScript's typed arrays.
    array = np.array(tensor["data"]).astype(helper.tensor_dtype_to_np_dtype(kind))
    return numpy_helper.from_array(array.reshape(tensor["dims"]), name)


def _attribute(entry: Mapping[str, Any]) -> Any:
    match entry["type"]:
        case "float":
            return float(entry["data"])
        case "floats":
            return [float(value) for value in entry["data"]]
        case _:
            return entry["data"]
