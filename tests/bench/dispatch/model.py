"""A model of a thousand ops that have next to nothing to do, so that what is around them shows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

OPS = 1000
OPS_PER_STEP = 4
WIDTH = 8
SEED = 5


class TinyOps(nn.Module):
    """Steps of four ops each, over eight numbers; none of them is fused with another."""

    def __init__(self, ops: int = OPS) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(SEED)
        self.steps = nn.Sequential(*(_step(generator) for _ in range(ops // OPS_PER_STEP)))

    def forward(self, x: Tensor) -> Tensor:
        """Return eight numbers for eight."""
        made: Tensor = self.steps(x)
        return made


def example() -> Tensor:
    """Return the input of every run."""
    return torch.linspace(-1, 1, WIDTH).reshape(1, WIDTH)


def blocks(ops: int = OPS) -> list[str]:
    """Return the paths of the modules that hold the steps."""
    return [f"steps.{index}" for index in range(ops // OPS_PER_STEP)]


def _step(generator: torch.Generator) -> nn.Sequential:
    return nn.Sequential(
        _linear(generator), nn.LayerNorm(WIDTH), nn.Softmax(-1), _linear(generator)
    )


def _linear(generator: torch.Generator) -> nn.Linear:
    """Return a layer that keeps its input's length, so that numbers stay numbers."""
    layer = nn.Linear(WIDTH, WIDTH)
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator))[0])
        layer.bias.copy_(torch.randn(WIDTH, generator=generator))
    return layer
