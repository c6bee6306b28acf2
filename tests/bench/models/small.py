"""A recurrent network, a perceptron so small that what a run costs besides it shows, and a plain
matrix product, whose speed is what the machine allows."""

from __future__ import annotations

from torch import Tensor, nn


class Lstm(nn.Module):
    """Two layers of 256 over a sequence; gives every step's hidden state."""

    WIDTH, STEPS, LAYERS = 256, 64, 2

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(self.WIDTH, self.WIDTH, self.LAYERS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.lstm(x)[0]
        return hidden


class Mlp(nn.Module):
    """784 pixels, 256 hidden units, 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.layers(pixels)
        return logits


class Gemm(nn.Module):
    """A product with 512×512 weights."""

    WIDTH = 512

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(self.WIDTH, self.WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y
