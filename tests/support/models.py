"""Small models of every kind that pyjsml reads, made on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from pyjsml.frontend import parse_inputs

RNG = np.random.default_rng(7)


class Block(nn.Module):
    """Convolution, batch norm, ReLU6 and a shortcut: what a small vision model is made of."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + nn.functional.relu6(self.norm(self.conv(x)))
        return result


class SmallNet(nn.Module):
    """Two blocks between a stem and a classifier, with statistics that are not the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(8), Block(8))
        self.head = nn.Linear(8, 5)
        with torch.no_grad():
            for name, buffer in self.named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    buffer.copy_(torch.rand(buffer.shape) + 0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.blocks(self.stem(image))
        logits: torch.Tensor = self.head(features.mean((2, 3)))
        return logits


IMAGE = parse_inputs(["image=float32[1,3,16,16]"])
"""The input of SmallNet."""
BATCH = parse_inputs(["image=float32[batch,3,16,16]"])


def image(batch: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return pictures for SmallNet."""
    return np.random.default_rng(5).standard_normal((batch, 3, 16, 16)).astype(np.float32)


class Attention(nn.Module):
    """One head over tokens: embedding, matmul with a dynamic inner axis, softmax, layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 12)
        self.position = nn.Embedding(32, 12)
        self.qkv = nn.Linear(12, 36)
        self.norm = nn.LayerNorm(12)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.table(ids) + self.position(torch.arange(ids.shape[1]))
        q, k, v = self.qkv(x).chunk(3, -1)
        attended = torch.softmax(q @ k.transpose(-1, -2) / 12**0.5, -1) @ v
        result: torch.Tensor = self.norm(x + attended)
        return result


class Pair(NamedTuple):
    total: torch.Tensor
    product: torch.Tensor


class Structured(nn.Module):
    """Containers on both sides, a keyword argument, and an output that is None."""

    def forward(
        self, x: torch.Tensor, others: tuple[torch.Tensor, torch.Tensor], *, scale: torch.Tensor
    ) -> dict[str, Any]:
        left, right = others
        return {"scaled": x * scale, "pair": Pair(left + right, left * right), "nothing": None}


class Stateful(nn.Module):
    """Counts its calls in a buffer."""

    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.add_(1)
        return x + self.calls


def seeded(module: type[nn.Module]) -> Any:
    """Return an instance of `module` in evaluation mode whose weights are the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return module().eval()


def tensor_info(
    name: str, shape: Sequence[int | str | None] | None, dtype: int = TensorProto.FLOAT
) -> onnx.ValueInfoProto:
    """Describe an ONNX input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Mapping[str, np.ndarray[Any, Any]] | None = None,
    *,
    opset: int = 17,
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    """Put a checked-in-spirit ONNX model together from its parts."""
    initializers = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), initializers)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(name, 1) for name in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def conv_model(batch: int | str = "N") -> onnx.ModelProto:
    """Return Conv (named), BatchNormalization, Clip, GlobalAveragePool, Flatten and Gemm."""
    weights = {
        "conv.weight": RNG.standard_normal((6, 3, 3, 3)).astype(np.float32),
        "conv.bias": RNG.standard_normal(6).astype(np.float32),
        "bn.scale": RNG.random(6).astype(np.float32),
        "bn.bias": RNG.random(6).astype(np.float32),
        "bn.mean": RNG.random(6).astype(np.float32),
        "bn.var": RNG.random(6).astype(np.float32) + 1,
        "fc.weight": RNG.standard_normal((4, 6)).astype(np.float32),
        "fc.bias": RNG.standard_normal(4).astype(np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
    }
    nodes = [
        helper.make_node(
            "Conv", ["x", "conv.weight", "conv.bias"], ["c"], name="first conv", pads=[1, 1, 1, 1]
        ),
        helper.make_node(
            "BatchNormalization", ["c", "bn.scale", "bn.bias", "bn.mean", "bn.var"], ["n"]
        ),
        helper.make_node("Clip", ["n", "low", "high"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["logits"], transB=1),
    ]
    return onnx_model(
        nodes, [tensor_info("x", [batch, 3, 8, 8])], [tensor_info("logits", [batch, 4])], weights
    )


def shape_chain_model() -> onnx.ModelProto:
    """Return a model that flattens by a shape it computes itself, as exporters write it."""
    weights = {"zero": np.array(0, np.int64), "minus": np.array([-1], np.int64)}
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Concat", ["n1", "minus"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"], name="flatten"),
    ]
    weights["axes"] = np.array([0], np.int64)
    return onnx_model(nodes, [tensor_info("x", [2, 3, 4])], [tensor_info("y", [2, 12])], weights)


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write `model` to `path`, and return `path`."""
    path.write_bytes(model.SerializeToString())
    return path
