"""A detector of YOLOv8n's shape: CSP backbone, SPPF, PAN neck and three heads, without NMS."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128, 256)
CLASSES, BINS = 80, 16
BOX = 4 * BINS


class Conv(nn.Module):
    """Convolution, batch norm and SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.silu(self.norm(self.conv(x)))


class Bottleneck(nn.Module):
    """Two 3×3 convolutions, with a shortcut or without."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(Conv(channels, channels, 3), Conv(channels, channels, 3))
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.shortcut else out


class C2f(nn.Module):
    """Splits channels, passes one half through bottlenecks, joins all that they gave."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.split = Conv(inputs, outputs)
        self.blocks = nn.ModuleList(Bottleneck(half, shortcut) for _ in range(depth))
        self.join = Conv((2 + depth) * half, outputs)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.split(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        out: Tensor = self.join(torch.cat(parts, 1))
        return out


class Sppf(nn.Module):
    """Joins a map with itself pooled once, twice and three times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = Conv(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.join = Conv(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.reduce(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        out: Tensor = self.join(torch.cat(parts, 1))
        return out


class Head(nn.Module):
    """Bins of box edges and class scores at one scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.box = nn.Sequential(Conv(channels, BOX, 3), Conv(BOX, BOX, 3), nn.Conv2d(BOX, BOX, 1))
        self.score = nn.Sequential(
            Conv(channels, CLASSES, 3), Conv(CLASSES, CLASSES, 3), nn.Conv2d(CLASSES, CLASSES, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.box(x), self.score(x)), 1).flatten(2)


class Yolo(nn.Module):
    """An image's [4 + classes, places] predictions: edge distances in cells, class scores."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.stem = nn.Sequential(Conv(3, a, 3, 2), Conv(a, b, 3, 2), C2f(b, b, 1, True))
        self.third = nn.Sequential(Conv(b, c, 3, 2), C2f(c, c, 2, True))
        self.fourth = nn.Sequential(Conv(c, d, 3, 2), C2f(d, d, 2, True))
        self.fifth = nn.Sequential(Conv(d, e, 3, 2), C2f(e, e, 1, True), Sppf(e))
        self.up = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.up4 = C2f(d + e, d, 1, False)
        self.up3 = C2f(c + d, c, 1, False)
        self.down3 = Conv(c, c, 3, 2)
        self.down4 = C2f(c + d, d, 1, False)
        self.down4_to_5 = Conv(d, d, 3, 2)
        self.down5 = C2f(d + e, e, 1, False)
        self.heads = nn.ModuleList(map(Head, (c, d, e)))
        bins = torch.arange(BINS, dtype=torch.float32)
        self.bins = nn.Buffer(bins.reshape(1, 1, BINS, 1))

    def forward(self, image: Tensor) -> Tensor:
        third = self.third(self.stem(image))
        fourth = self.fourth(third)
        fifth = self.fifth(fourth)
        middle = self.up4(torch.cat((self.up(fifth), fourth), 1))
        small = self.up3(torch.cat((self.up(middle), third), 1))
        middle = self.down4(torch.cat((self.down3(small), middle), 1))
        large = self.down5(torch.cat((self.down4_to_5(middle), fifth), 1))
        maps = zip(self.heads, (small, middle, large), strict=True)
        found = torch.cat([head(x) for head, x in maps], 2)
        edges, scores = found[:, :BOX], found[:, BOX:]
        weights = edges.reshape(edges.shape[0], 4, BINS, -1).softmax(2)
        return torch.cat(((weights * self.bins).sum(2), scores.sigmoid()), 1)
