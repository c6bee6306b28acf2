"""ResNet-18 and ResNet-50 (He et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)
CLASSES = 1000


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Module):
    """Some convolutions and a shortcut, which is a convolution where shapes differ."""

    def __init__(self, layers: nn.Sequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = (self.layers(x) + self.shortcut(x)).relu()
        return out


def _basic(inputs: int, width: int, stride: int) -> tuple[nn.Sequential, int]:
    layers = (_conv(inputs, width, 3, stride), nn.ReLU(), _conv(width, width, 3))
    return nn.Sequential(*layers), width


def _bottleneck(inputs: int, width: int, stride: int) -> tuple[nn.Sequential, int]:
    layers = (
        _conv(inputs, width, 1),
        nn.ReLU(),
        _conv(width, width, 3, stride),
        nn.ReLU(),
        _conv(width, 4 * width, 1),
    )
    return nn.Sequential(*layers), 4 * width


class ResNet(nn.Module):
    """A stem, four groups of residual blocks and a classifier."""

    def __init__(self, depths: tuple[int, ...], bottleneck: bool) -> None:
        super().__init__()
        make = _bottleneck if bottleneck else _basic
        layers: list[nn.Module] = [_conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        channels = 64
        for group, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True)):
            for index in range(depth):
                stride = 2 if group > 0 and index == 0 else 1
                block, outputs = make(channels, width, stride)
                same = stride == 1 and channels == outputs
                shortcut = nn.Identity() if same else _conv(channels, outputs, 1, stride)
                layers.append(Residual(block, shortcut))
                channels = outputs
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(image).mean((2, 3)))
        return logits


def resnet18() -> nn.Module:
    return ResNet((2, 2, 2, 2), bottleneck=False)


def resnet50() -> nn.Module:
    return ResNet((3, 4, 6, 3), bottleneck=True)
