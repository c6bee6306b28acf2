"""Seeded weights that keep activations at their scale, however deep the network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BATCH = 4


def random(shape: Sequence[int], seed: int) -> Tensor:
    """Return standard normal numbers, the same at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def settle(module: nn.Module, image: tuple[int, ...] | None = None, seed: int = 0) -> nn.Module:
    """Fill the module's weights; with the shape of an `image`, the batch norms' statistics too.

    Weights have the variance 2/fan-in that rectifiers need (He et al. 2015), 1/fan-in where
    layer norms do the scaling. Statistics are those of a batch of random images, so that every
    batch norm gives numbers near its own scale and offset, as in a trained network.
    """
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            _fill(part, source, gain=1.0 if image is None else 2.0)
        if image is not None:
            for part in module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.momentum = 1.0  # the statistics are the last batch's
            module.train()
            module(torch.randn(BATCH, *image[1:], generator=source))
    return module.eval()


def _fill(part: nn.Module, source: torch.Generator, gain: float) -> None:
    if isinstance(part, nn.Conv2d | nn.Linear):
        _normal(part.weight, (gain / part.weight[0].numel()) ** 0.5, source)
    elif isinstance(part, nn.ConvTranspose2d):
        taps = part.weight[0, 0].numel() / (part.stride[0] * part.stride[1])
        _normal(part.weight, (gain / (part.weight.shape[0] * taps)) ** 0.5, source)
    elif isinstance(part, nn.Embedding):
        _normal(part.weight, 0.5, source)
    elif isinstance(part, nn.BatchNorm2d | nn.LayerNorm):
        part.weight.uniform_(0.6, 1.4, generator=source)
    elif isinstance(part, nn.LSTM):
        for name, weight in part.named_parameters():
            if name.startswith("weight"):
                _normal(weight, weight.shape[1] ** -0.5, source)
            else:
                _normal(weight, 0.1, source)
    if not isinstance(part, nn.LSTM) and isinstance(getattr(part, "bias", None), nn.Parameter):
        _normal(part.bias, 0.1, source)  # type: ignore[arg-type]


def _normal(weight: Tensor, deviation: float, source: torch.Generator) -> None:
    weight.normal_(0.0, deviation, generator=source)
