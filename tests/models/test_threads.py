"""Threads compute what one thread computes, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pyjsml import Bundle, Executor, bundle
from pyjsml.engines import get_engine
from pyjsml.program import ISAS, Isa, TensorSpec

pytestmark = pytest.mark.usefixtures("one_firefox")

SIZE = 56
ENGINES = ("node", "chromium", "firefox")


class Network(nn.Module):
    """Kernels of several families, each large enough to be worth sharing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, padding=1)
        self.depthwise = nn.Conv2d(24, 24, 3, stride=2, groups=24)
        self.pointwise = nn.Conv2d(24, 40, 1)
        self.norm = nn.LayerNorm(40)
        self.linear = nn.Linear(40, 70)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))
        x = torch.sigmoid(self.pointwise(self.depthwise(x)))
        x = self.norm(x.flatten(2).transpose(1, 2))
        return torch.softmax(self.linear(x) @ self.linear(x).transpose(1, 2), dim=-1)


class Recurrent(nn.Module):
    """Layers whose threads wait for each other after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(24, 131, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(262, 160, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        every: torch.Tensor = self.gru(self.lstm(x)[0])[0]
        return every


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(5)
    return Network().eval()


@pytest.fixture(scope="module")
def package(network: Network) -> Bundle:
    inputs = {"x": TensorSpec("x", "float32", ("n", 3, SIZE, SIZE))}
    return bundle(network, (torch.zeros(2, 3, SIZE, SIZE),), inputs=inputs)


@pytest.fixture(scope="module")
def layers() -> Recurrent:
    torch.manual_seed(8)
    return Recurrent().eval()


@pytest.fixture(scope="module")
def recurrent(layers: Recurrent) -> Bundle:
    return bundle(layers, inputs={"x": TensorSpec("x", "float32", ("batch", 40, 24))})


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("engine", ENGINES)
def test_threads_change_no_bit(network: Network, package: Bundle, engine: str, isa: Isa) -> None:
    if problem := get_engine(engine).available():
        pytest.skip(problem)
    random = np.random.default_rng(6)
    batches = [random.standard_normal((n, 3, SIZE, SIZE), np.float32) for n in (1, 3, 1)]
    with Executor(package, engine, isa=isa) as executor:
        expected = [next(iter(executor.run(x=x).values())) for x in batches]
    with torch.no_grad():
        np.testing.assert_allclose(
            expected[1].astype(np.float32),
            network(torch.from_numpy(batches[1])).numpy(),
            rtol=1e-4,
            atol=1e-6,
        )
    for threads in (2, 3):
        with Executor(package, engine, isa=isa, threads=threads) as executor:
            for x, y in zip(batches * 5, expected * 5, strict=True):
                (actual,) = executor.run(x=x).values()
                np.testing.assert_array_equal(actual.view(np.uint32), y.view(np.uint32))


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_wait_for_each_other_within_recurrent_layers(
    layers: Recurrent, recurrent: Bundle, engine: str
) -> None:
    if problem := get_engine(engine).available():
        pytest.skip(problem)
    random = np.random.default_rng(9)
    sequences = [random.standard_normal((n, 40, 24), np.float32) for n in (1, 3)]
    for threads in (1, 2, 3):
        with Executor(recurrent, engine, threads=threads) as executor:
            for x in sequences * 3:
                (actual,) = executor.run(x=x).values()
                with torch.no_grad():
                    expected = layers(torch.from_numpy(x)).numpy()
                np.testing.assert_allclose(
                    actual.astype(np.float32), expected, rtol=1e-4, atol=1e-5
                )
