"""Whatever order and threads ops get from an executor of the user's own, no bit changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from pyjsml import Bundle, Executor, bundle
from pyjsml.engines import get_engine
from pyjsml.engines.dispatch import Op
from pyjsml.errors import EngineUnavailableError
from pyjsml.program import TensorSpec

Array = npt.NDArray[np.float32]

pytestmark = pytest.mark.slow

SIZE = 28
BATCHES = (2, 1, 3)
ENGINES = {"node": 3, "v8": 1, "pythonmonkey": 1}
"""How many threads each of them gets."""
SEEDS = 6

EXECUTOR = """
let state = SEED;
function below(end) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * end);
}

export default {
  place() {
    const kind = below(3);
    if (kind === 0) return "wasm";
    return kind === 1 ? { threads: 1 + below(THREADS) } : { thread: below(THREADS) };
  },
  order(ready) {
    return ready[below(ready.length)];
  },
};
"""

REWRITING = """
import { Executor } from "pyjsml";

let state = SEED;
function below(end) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * end);
}

export default class extends Executor {
  order(ready) {
    return ready[below(ready.length)];
  }
  async dispatch(op, next) {
    await next();
    for (const { name } of op.outputs) {
      const { data, ...rest } = this.read(name, { view: below(2) > 0 });
      this.write(name, { ...rest, data: data.slice() });
    }
  }
}
"""
"""Schedules at random, and writes what each op gives again."""


class Branches(nn.Module):
    """Branches of unlike lengths between a stem and a classifier, and sums between them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.branches = nn.ModuleList(
            nn.Sequential(
                *(nn.Sequential(nn.Conv2d(12, 12, kernel, padding="same"), nn.ReLU()),) * length
            )
            for kernel, length in ((1, 1), (3, 2), (5, 1), (3, 3), (1, 4))
        )
        self.head = nn.Linear(12 * 5, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sigmoid(self.stem(x))
        results = [branch(x) for branch in self.branches]
        sums = [a + b for a, b in zip(results, [*results[2:], x, x], strict=True)]
        logits: torch.Tensor = self.head(torch.cat(sums, 1).mean((2, 3)))
        return torch.softmax(logits, -1)


@pytest.fixture(scope="module")
def network() -> Branches:
    torch.manual_seed(11)
    return Branches().eval()


@pytest.fixture(scope="module")
def package(network: Branches) -> Bundle:
    inputs = {"x": TensorSpec("x", "float32", ("n", 3, SIZE, SIZE))}
    example = (torch.zeros(2, 3, SIZE, SIZE),)
    return bundle(network, example, inputs=inputs, devices=("wasm", "webgl2"))


@pytest.fixture(scope="module")
def batches() -> list[Array]:
    random = np.random.default_rng(6)
    return [random.standard_normal((n, 3, SIZE, SIZE), np.float32) for n in BATCHES]


@pytest.mark.parametrize("engine", ENGINES)
def test_schedules_change_no_bit(
    network: Branches, package: Bundle, batches: list[Array], engine: str, tmp_path: Path
) -> None:
    if problem := get_engine(engine).available():
        pytest.skip(problem)
    with Executor(package, engine) as executor:
        expected = [next(iter(executor.run(x=x).values())) for x in batches]
    with torch.no_grad():
        torch_gives = network(torch.from_numpy(batches[0])).numpy()
    np.testing.assert_allclose(expected[0].astype("f4"), torch_gives, rtol=1e-4, atol=1e-6)
    threads = ENGINES[engine]
    for seed in range(SEEDS):
        own = write_executor(tmp_path, seed, threads)
        with Executor(package, engine, threads=threads, executor=own) as executor:
            for x, wanted in zip(batches * 2, expected * 2, strict=True):
                (actual,) = executor.run(x=x).values()
                np.testing.assert_array_equal(actual, wanted)


def test_orders_and_what_is_written_back_change_no_bit_on_webgl2(
    package: Bundle, batches: list[Array], tmp_path: Path
) -> None:
    def run(file: Path | None) -> list[Array]:
        with Executor(package, "chromium", device="webgl2", executor=file) as executor:
            return [next(iter(executor.run(x=x).values())).astype("f4") for x in batches * 2]

    try:
        expected = run(None)
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    for seed in range(3):
        file = tmp_path / f"rewriting{seed}.js"
        file.write_text(REWRITING.replace("SEED", str(seed)))
        for actual, wanted in zip(run(file), expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)


def test_schedules_are_many(package: Bundle, batches: list[Array], tmp_path: Path) -> None:
    if problem := get_engine("pythonmonkey").available():
        pytest.skip(problem)
    orders: list[list[str]] = []

    def log(op: Op, next: Callable[[], None]) -> None:
        orders[-1].append(op.name)
        next()

    for seed in range(SEEDS):
        own = write_executor(tmp_path, seed, 1)
        with Executor(package, "pythonmonkey", executor=own, dispatch=log) as executor:
            orders.append([])
            executor.run(x=batches[0])
    assert len({tuple(order) for order in orders}) == SEEDS
    assert len({frozenset(order) for order in orders}) == 1


def write_executor(folder: Path, seed: int, threads: int) -> Path:
    """Write an executor that schedules at random."""
    file = folder / f"random{seed}.js"
    file.write_text(EXECUTOR.replace("SEED", str(seed)).replace("THREADS", str(threads)))
    return file
