"""Which convolutions are computed by Winograd's minimal filtering, and what their ops take in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pyjsml.kernels.winograd.transforms import F2, F4, Points
from pyjsml.optimize.winograd import Convolution
from tests.unit.test_optimize import kinds, lowered


@pytest.mark.parametrize(
    ("sizes", "points"),
    [
        ((56, 56, 64, 64), F4),
        ((14, 14, 512, 512), F4),
        ((28, 28, 8, 8), F4),
        ((7, 7, 512, 512), F2),  # 4 tiles do not pay for reading a weight 4 times as large
        ((3, 3, 64, 64), None),  # most of a register tile would be empty
        ((28, 28, 4, 8), None),  # transforming takes longer than it saves
        ((40, 40, 1024, 512), F2),  # the larger tiles of so many channels would fill the stack
        ((16, 16, 4096, 512), None),
    ],
)
def test_points_are_those_that_pay(sizes: tuple[int, int, int, int], points: Points | None) -> None:
    assert Convolution(*sizes).points() == points


@pytest.mark.parametrize(
    ("convolution", "kind"),
    [
        (nn.Conv2d(16, 16, 3, padding=1), "winograd_conv2d"),
        (nn.Conv2d(16, 24, 3), "winograd_conv2d"),
        (nn.Conv2d(16, 16, 3, stride=2), "conv2d"),
        (nn.Conv2d(16, 16, 3, dilation=2), "conv2d"),
        (nn.Conv2d(16, 16, 3, groups=2), "group_conv2d"),
        (nn.Conv2d(16, 16, 5), "conv2d"),
        (nn.Conv2d(16, 16, (1, 3)), "conv2d"),
        (nn.Conv2d(16, 17, 3), "conv2d"),
    ],
)
def test_the_kernel_is_chosen_for_what_it_computes(convolution: nn.Conv2d, kind: str) -> None:
    assert kinds(lowered(convolution, torch.zeros(1, 16, 24, 24)))[kind] == 1


def test_pictures_of_any_size_are_convolved_directly() -> None:
    convolution = nn.Conv2d(16, 16, 3, padding=1)
    program = lowered(
        convolution, torch.zeros(1, 16, 24, 24), inputs="input=float32[1,16,h,24]", dims="h=8:64"
    )
    assert kinds(program)["winograd_conv2d"] == 0


def test_a_batch_of_any_size_is_no_obstacle() -> None:
    convolution = nn.Conv2d(16, 16, 3, padding=1)
    program = lowered(
        convolution, torch.zeros(2, 16, 24, 24), inputs="input=float32[n,16,24,24]", dims="n=1:8"
    )
    assert kinds(program)["winograd_conv2d"] == 1


class Block(nn.Module):
    """A residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(16, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.convolution(x)) + x)


def test_what_follows_joins_the_op() -> None:
    program = lowered(Block(), torch.zeros(1, 16, 24, 24))
    assert kinds(program) == {"transpose": 2, "winograd_conv2d": 1}
    load = [op.kind for op in program.graph.load.ops]
    assert load.count("pack_winograd") == load.count("pack_conv2d") == 1


def test_weights_are_transformed_by_one_kernel_for_every_shape() -> None:
    layers = [nn.Conv2d(16, 24, 3), nn.Conv2d(24, 32, 3), nn.Conv2d(32, 16, 3)]
    program = lowered(nn.Sequential(*layers), torch.zeros(1, 16, 24, 24))
    packs = [op for op in program.graph.load.ops if op.kind == "pack_winograd"]
    assert len(packs) == 3
    assert len({op.kernel for op in packs}) == 1
