"""Which concatenations are read part by part, and what is left of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from torch import nn

from pyjsml import api
from pyjsml.frontend.options import parse_inputs
from pyjsml.program import Program
from tests.support.networks import seeded

PICTURE = torch.zeros(1, 8, 6, 6)


def lowered(
    module: nn.Module, *args: torch.Tensor, inputs: str = "", devices: Sequence[str] = ("wasm",)
) -> Program:
    """Return a module's program behind the lower stage."""
    wanted = parse_inputs([inputs] if inputs else [])
    stages = api.compile_stages(seeded(module), args, inputs=wanted, devices=devices)
    return [next(stages) for _ in range(3)][-1]


def kinds(program: Program) -> Counter[str]:
    """Count the ops of a run, but for those of a network's ends."""
    ops = (op.kind for op in program.graph.main.ops)
    return Counter(kind for kind in ops if kind not in ("view", "transpose"))


class Joined(nn.Module):
    """Two convolutions of a picture, side by side, and what reads them."""

    def __init__(self, *behind: nn.Module, sizes: tuple[int, int] = (8, 16)) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv2d(8, size, 1) for size in sizes)
        self.behind = nn.Sequential(*behind)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.behind(torch.cat([part(x) for part in self.parts], 1))
        return made


@pytest.mark.parametrize("size", [1, 2, 3])
def test_convolutions_read_parts(size: int) -> None:
    program = lowered(Joined(nn.Conv2d(24, 16, size, stride=size)), PICTURE)
    assert "concatenate" not in kinds(program)
    last = next(op for op in reversed(program.graph.main.ops) if op.kind in ("matmul", "conv2d"))
    assert len(last.inputs) == 4
    assert [origin.node for origin in last.origins] == ["cat", "convolution_2"]


def test_a_picture_of_any_size_is_read_by_parts() -> None:
    network = Joined(nn.Conv2d(24, 16, 1), nn.ReLU())
    program = lowered(network, PICTURE, inputs="x=float32[n,8,h,w]")
    assert "concatenate" not in kinds(program)


def test_linear_layers_read_parts() -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(12, 8)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.layer(torch.cat([x, y], -1))
            return made

    assert kinds(lowered(Linear(), torch.zeros(2, 3, 4), torch.zeros(2, 3, 8))) == {"matmul": 1}
    single = lowered(Linear(), torch.zeros(1, 4), torch.zeros(1, 8))
    assert kinds(single) == {"concatenate": 1, "matmul": 1}


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.AvgPool2d(2)], ids=["max", "mean"])
def test_parts_are_pooled_one_by_one(pool: nn.Module) -> None:
    program = lowered(Joined(pool, nn.Conv2d(24, 16, 1)), PICTURE)
    found = kinds(program)
    assert "concatenate" not in found
    assert sum(count for kind, count in found.items() if "pool" in kind) == 2
    nodes = [value.node for value in program.graph.values.values() if value.node]
    assert len(nodes) == len(set(nodes)), "a part goes by the name of the whole"


@pytest.mark.parametrize(
    "network",
    [
        Joined(nn.Conv2d(22, 16, 1), sizes=(8, 14)),  # no whole number of vectors
        Joined(nn.Conv2d(24, 4, 1)),  # few outputs
        Joined(nn.ReLU(), nn.Conv2d(24, 16, 1)),  # an activation in between
        Joined(nn.Sigmoid()),
    ],
    ids=["odd", "few", "activation", "no reader"],
)
def test_other_concatenations_are_copies(network: nn.Module) -> None:
    assert kinds(lowered(network, PICTURE))["concatenate"] == 1


def test_what_others_read_too_is_a_copy() -> None:
    class Twice(Joined):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            joined = torch.cat([part(x) for part in self.parts], 1)
            made: torch.Tensor = self.behind(joined) + joined
            return made

    assert kinds(lowered(Twice(nn.Conv2d(24, 24, 1)), PICTURE))["concatenate"] == 1


def test_shaders_get_copies() -> None:
    network = Joined(nn.Conv2d(24, 16, 1))
    assert kinds(lowered(network, PICTURE, devices=("wasm", "webgl2")))["concatenate"] == 1


class Chunks(nn.Module):
    """Pieces of a tensor side by side again, with its sum behind them."""

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pieces = x.chunk(3, 1)
        return torch.cat([*(pieces[index] for index in self.order), x.sum(1, keepdim=True)], 1)


@pytest.mark.parametrize(
    ("order", "slices"), [((0, 1, 2), 0), ((1, 2), 1), ((0, 1, 0), 2), ((2, 1, 0), 3), ((0, 0), 1)]
)
def test_neighbouring_slices_are_one(order: Sequence[int], slices: int) -> None:
    program = lowered(Chunks(order), torch.zeros(2, 9))
    assert kinds(program)["strided_slice"] == slices
    (joined,) = (op for op in program.graph.main.ops if op.kind == "concatenate")
    (output,) = joined.outputs
    assert program.graph.values[output].shape == (2, 3 * len(order) + 1)


def test_all_slices_of_a_tensor_are_the_tensor() -> None:
    class Nothing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(torch.cat(x.chunk(3, 1), 1))

    assert kinds(lowered(Nothing(), torch.zeros(2, 9))) == {"relu": 1}
