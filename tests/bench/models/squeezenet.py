"""SqueezeNet 1.1 (Iandola et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 1000


class Fire(nn.Module):
    """Squeezes to a few channels, expands them by 1×1 and 3×3 side by side."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat((self.expand1(x).relu(), self.expand3(x).relu()), 1)


class SqueezeNet(nn.Module):
    """Eight fire modules between a convolution and a convolutional classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Conv2d(512, CLASSES, 1)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(image)).relu().mean((2, 3))
        return logits
