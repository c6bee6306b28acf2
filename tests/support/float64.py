"""ONNX models in double precision: a reference whose own rounding does not matter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import AttributeProto, ModelProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun


class Conv(OpRun):
    """By torch: ONNX's own evaluator takes many seconds for convolutions of real pictures."""

    def _run(self, x: Any, weight: Any, bias: Any = None, **attributes: Any) -> tuple[Any]:
        top, left, bottom, right = attributes["pads"] or (0, 0, 0, 0)
        padded = torch.nn.functional.pad(_tensor(x), (left, right, top, bottom))
        result = torch.nn.functional.conv2d(
            padded,
            _tensor(weight),
            None if bias is None else _tensor(bias),
            attributes["strides"] or 1,
            0,
            attributes["dilations"] or 1,
            attributes["group"] or 1,
        )
        return (result.numpy(),)


class ConvTranspose(OpRun):
    """By torch, for the same reason."""

    def _run(self, x: Any, weight: Any, bias: Any = None, **attributes: Any) -> tuple[Any]:
        top, left, bottom, right = attributes["pads"] or (0, 0, 0, 0)
        result = torch.nn.functional.conv_transpose2d(
            _tensor(x),
            _tensor(weight),
            None if bias is None else _tensor(bias),
            attributes["strides"] or 1,
            0,
            attributes["output_padding"] or 0,
            attributes["group"] or 1,
            attributes["dilations"] or 1,
        )
        height, width = result.shape[2:]
        return (result[:, :, top : height - bottom, left : width - right].numpy(),)


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def evaluate_in_float64(path: Path, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs of the model at `path`, rounded to float32 at the very end."""
    model = _widened(onnx.load(path))
    evaluator = ReferenceEvaluator(model, new_ops=[Conv, ConvTranspose])
    wide = {name: array.astype(np.float64) for name, array in inputs.items()}
    results = evaluator.run(None, wide)
    names = [output.name for output in model.graph.output]
    return {name: result.astype(np.float32) for name, result in zip(names, results, strict=True)}


def _widened(model: ModelProto) -> ModelProto:
    for tensor in model.graph.initializer:
        tensor.CopyFrom(_wide_tensor(tensor, tensor.name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                attribute.t.CopyFrom(_wide_tensor(attribute.t, attribute.t.name))
            elif node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    for port in (*model.graph.input, *model.graph.output):
        port.type.tensor_type.elem_type = TensorProto.DOUBLE
    del model.graph.value_info[:]
    return model


def _wide_tensor(tensor: TensorProto, name: str) -> TensorProto:
    if tensor.data_type != TensorProto.FLOAT:
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), name)
