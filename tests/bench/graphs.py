"""An ONNX file as plain JSON and a safetensors file, for a runtime that reads neither format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save


def graph_pages(path: Path, folder: str) -> dict[str, bytes]:
    """Return the pages `FOLDER/graph.json` and `FOLDER/constants`.

    The graph is `{inputs, outputs, nodes: [{op, inputs, outputs, attributes}]}`, by names. int64
    constants, which are indices and shapes here, become int32.
    """
    graph = onnx.load(path).graph
    constants = {each.name: _narrow(numpy_helper.to_array(each)) for each in graph.initializer}
    fed = [each.name for each in graph.input if each.name not in constants]
    nodes = [
        {
            "op": node.op_type,
            "inputs": list(node.input),
            "outputs": list(node.output),
            "attributes": {each.name: _plain(each) for each in node.attribute},
        }
        for node in graph.node
    ]
    outputs = [each.name for each in graph.output]
    plain = {"inputs": fed, "outputs": outputs, "nodes": nodes}
    return {
        f"{folder}/graph.json": json.dumps(plain).encode(),
        f"{folder}/constants": save(constants),
    }


def _narrow(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.dtype != np.int64:
        return np.asarray(array, order="C")
    bounds = np.iinfo(np.int32)
    return np.asarray(array.clip(bounds.min, bounds.max), np.int32)


def _plain(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    return list(value) if attribute.type == onnx.AttributeProto.INTS else value
