"""What a machine can do in an engine, measured there with kernels that this compiler makes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyjsml import api
from pyjsml.engines import get_engine

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.program import Isa

SIDE = 384
"""Of the matrices that are multiplied: they fit the caches, and keep every register busy."""
LENGTH = 1 << 22
"""How many floats are copied: more than the inner caches hold."""
ROUNDS = 20


@dataclass(frozen=True)
class Limits:
    """The best speeds found, of arithmetic and of a copy."""

    gflops: float
    memory: float
    """In GB/s, bytes read and bytes written taken together."""


def measure_limits(engine: str, isa: Isa, threads: int) -> Limits:
    """Time a matrix product and an element-wise pass. Raises what `bundle` and engines do."""
    inputs = {
        "a": np.ones((SIDE, SIDE), np.float32),
        "x": np.ones(LENGTH, np.float32),
    }
    with get_engine(engine).open(_probe(), isa=isa, threads=threads) as session:
        found = session.measure(inputs, ROUNDS)
    spans = [event for event in found.trace["traceEvents"] if event.get("cat") not in (None, "run")]
    product = min((e for e in spans if e["args"]["flops"] >= 2 * SIDE**3), key=_duration)
    copy = min((e for e in spans if e["args"]["bytes"] == 8 * LENGTH), key=_duration)
    return Limits(
        gflops=product["args"]["flops"] / _duration(product) / 1e3,
        memory=8 * LENGTH / _duration(copy) / 1e3,
    )


def _duration(event: dict[str, float]) -> float:
    return event["dur"]


def _probe() -> Bundle:
    """Compile `a @ b` with a constant `b`, and an element-wise pass over a vector."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def port(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    weights = np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["a", "b"], ["product"]),
            helper.make_node("Relu", ["x"], ["copy"]),
        ],
        "limits",
        [port("a", SIDE, SIDE), port("x", LENGTH)],
        [port("product", SIDE, SIDE), port("copy", LENGTH)],
        [numpy_helper.from_array(weights, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with tempfile.TemporaryDirectory(prefix="pyjsml-") as folder:
        file = Path(folder) / "limits.onnx"
        file.write_bytes(model.SerializeToString())
        return api.bundle(str(file))
