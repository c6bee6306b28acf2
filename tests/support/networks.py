"""Small networks whose compilation is known by heart."""

from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """Convolutions with batch norm, a residual sum, a pool and a classifier: each fusion once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 16, 1)
        self.shortcut = nn.Conv2d(8, 16, 1, stride=2, bias=False)
        self.classifier = nn.Linear(16, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(image))
        y = self.pointwise(nn.functional.relu6(self.depthwise(x)))
        z = torch.relu(y + self.shortcut(x))
        logits: torch.Tensor = self.classifier(nn.functional.adaptive_avg_pool2d(z, 1).flatten(1))
        return logits


class Attention(nn.Module):
    """One attention block over a sequence, in the shapes of a text encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.out = nn.Linear(16, 16)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, length, width = tokens.shape
        q, k, v = self.qkv(self.norm(tokens)).view(batch, length, 3, 4, 4).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / 2.0, dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, length, width)
        return tokens + nn.functional.gelu(self.out(mixed))


def seeded(module: nn.Module) -> nn.Module:
    """Return `module` for inference, with reproducible weights and statistics."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    return module.eval()
