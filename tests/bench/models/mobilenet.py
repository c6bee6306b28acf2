"""MobileNetV2 (Sandler et al. 2018) and EfficientNet-B0 (Tan and Le 2019): inverted residuals."""

from __future__ import annotations

from torch import Tensor, nn

# Expansion, channels, repeats, stride (and kernel): the papers' tables.
MOBILENET_V2 = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 32, 3, 2, 3),
    (6, 64, 4, 2, 3),
    (6, 96, 3, 1, 3),
    (6, 160, 3, 2, 3),
    (6, 320, 1, 1, 3),
)
EFFICIENTNET_B0 = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM, HEAD, CLASSES = 32, 1280, 1000


def _conv(
    inputs: int,
    outputs: int,
    kernel: int,
    activation: type[nn.Module] | None,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class SqueezeExcite(nn.Module):
    """Scales channels by what their means say of them."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3), keepdim=True)
        scale: Tensor = self.expand(nn.functional.silu(self.reduce(means))).sigmoid()
        return x * scale


class InvertedResidual(nn.Module):
    """Expands, convolves each channel, (squeezes and excites,) projects; adds if shapes allow."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        expansion: int,
        stride: int,
        kernel: int,
        activation: type[nn.Module],
        squeeze: bool,
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(_conv(inputs, hidden, 1, activation))
        layers.append(_conv(hidden, hidden, kernel, activation, stride, hidden))
        if squeeze:
            layers.append(SqueezeExcite(hidden, inputs // 4))
        self.layers = nn.Sequential(*layers, _conv(hidden, outputs, 1, None))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.adds else out


class InvertedResidualNetwork(nn.Module):
    """A stem, the blocks of a table, a head and a classifier."""

    def __init__(
        self,
        table: tuple[tuple[int, int, int, int, int], ...],
        activation: type[nn.Module],
        squeeze: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3, STEM, 3, activation, 2)]
        channels = STEM
        for expansion, outputs, repeats, stride, kernel in table:
            for index in range(repeats):
                layers.append(
                    InvertedResidual(
                        channels,
                        outputs,
                        expansion,
                        stride if index == 0 else 1,
                        kernel,
                        activation,
                        squeeze,
                    )
                )
                channels = outputs
        self.features = nn.Sequential(*layers, _conv(channels, HEAD, 1, activation))
        self.classifier = nn.Linear(HEAD, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(image).mean((2, 3)))
        return logits


def mobilenet_v2() -> nn.Module:
    return InvertedResidualNetwork(MOBILENET_V2, nn.ReLU6, squeeze=False)


def efficientnet_b0() -> nn.Module:
    return InvertedResidualNetwork(EFFICIENTNET_B0, nn.SiLU, squeeze=True)
