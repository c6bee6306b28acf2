"""Recurrent layers compute what torch and ONNX Runtime compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import nn
from tvm import te

from pyjsml import api
from pyjsml.errors import UnsupportedOpError
from pyjsml.kernels.recurrent.layer import CELLS, Cell, Layer
from pyjsml.kernels.recurrent.layer import GATES as GATES_OF
from pyjsml.kernels.recurrent.recurrent import recurrent
from pyjsml.program import ISAS, Isa, TensorSpec
from tests.ops.machine import Compiled, Machine
from tests.support.models import onnx_model, tensor_info
from tests.support.recurrent import DEPTH, GATES, UNITS, onnx_layer

pytest.importorskip("py_mini_racer", reason="bundles run in V8: pip install mini-racer")


class Whole(nn.Module):
    """A recurrent layer of torch and all that it returns, with or without states to begin with."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self, x: torch.Tensor, h: torch.Tensor | None = None, c: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        every, last = self.layer(x, h if c is None else (h, c))
        return (every, *last) if isinstance(last, tuple) else (every, last)


def run_twice(executor: Any, inputs: dict[str, NDArray[Any]]) -> list[Any]:
    """Return the outputs of a run in memory full of NaN, which an earlier run has left."""
    executor.run(**{name: np.full_like(array, np.nan) for name, array in inputs.items()})
    return list(executor.run(**inputs).values())


@pytest.mark.parametrize(
    ("layer", "states"),
    [
        (nn.LSTM(DEPTH, UNITS, 2, batch_first=True, bidirectional=True), 0),
        (nn.LSTM(DEPTH, 32, bias=False), 2),
        (nn.LSTM(DEPTH, 3), 2),
        (nn.GRU(DEPTH, UNITS, 2, bidirectional=True), 1),
        (nn.GRU(DEPTH, 8, batch_first=True), 0),
        (nn.RNN(DEPTH, 35, batch_first=True), 1),
        (nn.RNN(DEPTH, UNITS, 2, nonlinearity="relu"), 0),
    ],
)
def test_layers_of_torch(layer: nn.RNNBase, states: int) -> None:
    module = Whole(layer).eval()
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    shapes: dict[str, tuple[Any, ...]] = {}
    shapes |= {"x": ("batch", "seq", DEPTH) if layer.batch_first else ("seq", "batch", DEPTH)}
    shapes |= dict.fromkeys(("h", "c")[:states], (rows, "batch", layer.hidden_size))
    specs = {name: TensorSpec(name, "float32", shape) for name, shape in shapes.items()}
    bundle = api.bundle(module, inputs=specs)
    kernels = [op for op in bundle.model["ops"] if op["kind"] == layer.mode.lower()]
    assert len(kernels) == rows
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for batch, steps in ((2, 5), (1, 1), (5, 3)):
                sizes = {"batch": batch, "seq": steps}
                generator = torch.Generator().manual_seed(batch)
                given = {
                    name: torch.randn(
                        [sizes.get(size, size) for size in shape], generator=generator
                    )
                    for name, shape in shapes.items()
                }
                with torch.no_grad():
                    expected = module(**given)
                found = run_twice(executor, {name: x.numpy() for name, x in given.items()})
                for value, wanted in zip(found, expected, strict=True):
                    np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("variant", [0, 1])
def test_layers_of_onnx(operator: str, direction: str, variant: int) -> None:
    """Compare with any number of steps and sequences."""
    model, shapes = onnx_layer(operator, direction, variant, "seq")
    random = np.random.default_rng(4)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    bundle = api.bundle(model)
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for steps, batch in ((5, 1), (1, 3), (8, 2)):
                sizes = {"seq": steps, "batch": batch}
                arguments = {
                    name: random.normal(size=[sizes.get(size, size) for size in shape]).astype(
                        np.float32
                    )
                    for name, shape in shapes.items()
                }
                expected = session.run(None, arguments)
                for value, wanted in zip(run_twice(executor, arguments), expected, strict=True):
                    np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_slices_of_a_round_come_in_any_order(cell: Cell, isa: Isa) -> None:
    layer = Layer(cell, UNITS, (0, 1, 2, 3)[: GATES_OF[cell]])
    steps, batch = 4, 5
    shapes: list[tuple[int, ...]] = [
        (steps, batch, layer.columns),
        (layer.blocks, UNITS, layer.gates * layer.block),
        (batch, UNITS),
    ]
    if cell == "lstm":
        shapes.append((batch, UNITS))
    if cell == "gru":
        shapes.append((layer.padded,))
    tensors = [te.placeholder(shape, name=f"x{n}") for n, shape in enumerate(shapes)]
    results = recurrent(tensors[0], tensors[1], tensors[2:], layer)
    machine = Machine(Compiled({cell: te.create_prim_func([*tensors, *results])}, isa))
    random = np.random.default_rng(1)
    inputs = [random.normal(scale=0.3, size=shape).astype(np.float32) for shape in shapes]
    outputs = [(tuple(map(int, result.shape)), "float32") for result in results]
    length = layer.blocks * batch
    kernel = machine.kernels[cell]
    assert kernel.rounds == 1 + steps * (2 if cell == "gru_reset_before" else 1)
    assert kernel.extent == kernel.rounds * length
    back = [
        (first + at, first + at + 1)
        for first in range(0, kernel.extent, length)
        for at in reversed(range(length))
    ]
    whole, parts = (machine.run(cell, inputs, outputs, slices=s) for s in (None, back))
    machine.close()
    # The last result is memory for the state, of which not every byte is written.
    for one, other in zip(whole[:-1], parts[:-1], strict=True):
        assert one.tobytes() == other.tobytes()


def test_what_recurrent_layers_can_not_do_is_told_at_once() -> None:
    random = np.random.default_rng(0)
    weights = {
        "w": random.normal(size=(1, 4, 2)).astype(np.float32),
        "r": random.normal(size=(1, 4, 1)).astype(np.float32),
        "p": random.normal(size=(1, 3)).astype(np.float32),
        "lengths": np.array([2], np.int32),
    }
    odd: list[tuple[str, list[str], dict[str, Any]]] = [
        ("clipped", ["x", "w", "r"], {"clip": 1.0}),
        ("coupled", ["x", "w", "r"], {"input_forget": 1}),
        ("bent", ["x", "w", "r"], {"activations": ["Relu", "Tanh", "Tanh"]}),
        ("peeping", ["x", "w", "r", "", "", "", "", "p"], {}),
        ("ragged", ["x", "w", "r", "", "lengths"], {}),
    ]
    nodes = [
        helper.make_node("LSTM", given, [name], name=name, hidden_size=1, **attributes)
        for name, given, attributes in odd
    ]
    outputs = [tensor_info(name, [None] * 4) for name, _, _ in odd]
    model = onnx_model(nodes, [tensor_info("x", [3, 1, 2])], outputs, weights)
    with pytest.raises(UnsupportedOpError) as caught:
        api.bundle(model)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        f"LSTM at {name}" for name, _, _ in odd
    ]
    assert all("can't be compiled" in problem for problem in caught.value.problems)
