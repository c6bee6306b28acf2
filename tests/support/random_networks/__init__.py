"""Random small networks: chains of layers that fit, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import torch
from torch import nn

from tests.support.random_networks import convolutions, elements, shapes, sums
from tests.support.random_networks.draft import Draft, Draw, Layer

MOST = 60_000
"""Elements of a layer's result."""


class RandomNetwork(nn.Module):
    """The layers that a seed draws; `text` says which, for a failing test to show."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        pick = random.Random(seed)
        torch.manual_seed(seed)
        self.kind = pick.choice(["image", "image", "sequence", "matrix"])
        first = _FIRST[self.kind](pick)
        self.shape = first
        self.dynamic = pick.random() < 0.4
        draft = Draft(pick, first)
        self.texts: list[str] = []
        self.layers: list[Layer] = []
        self.modules_of_layers = nn.ModuleList()
        for _ in range(pick.randint(2, 6)):
            self._add(draft)
        _randomise(self)
        self.eval()

    @property
    def text(self) -> str:
        """The network in a line."""
        return f"{list(self.shape)}{' dynamic' if self.dynamic else ''}: {'; '.join(self.texts)}"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def _add(self, draft: Draft) -> None:
        for _ in range(20):
            draw = draft.pick.choice(_CATALOGUE[len(draft.shape)])
            drawn = draw(draft)
            if drawn is None:
                continue
            text, layer = drawn
            example = torch.zeros(draft.shape)
            try:
                with torch.no_grad():
                    result = (layer.eval() if isinstance(layer, nn.Module) else layer)(example)
            except RuntimeError:
                continue  # A kernel larger than the picture, say.
            if not 0 < result.numel() < MOST or not result.is_floating_point() or result.ndim < 2:
                continue
            if isinstance(layer, nn.Module):
                self.modules_of_layers.append(layer)
            self.layers.append(layer)
            self.texts.append(text)
            draft.shape = tuple(result.shape)
            return


def _randomise(network: nn.Module) -> None:
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.uniform_(-0.5, 0.5)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)


def _image(pick: random.Random) -> tuple[int, ...]:
    return (2, pick.choice([1, 3, 4, 6, 8, 12]), pick.randint(5, 14), pick.randint(5, 14))


def _sequence(pick: random.Random) -> tuple[int, ...]:
    return (2, pick.randint(2, 12), pick.choice([1, 4, 6, 8, 16, 17]))


def _matrix(pick: random.Random) -> tuple[int, ...]:
    return (2, pick.choice([1, 3, 8, 16, 31]))


_FIRST: dict[str, Callable[[random.Random], tuple[int, ...]]] = {
    "image": _image,
    "sequence": _sequence,
    "matrix": _matrix,
}

_ANY: Sequence[Draw] = (
    *(elements.activation,) * 3,
    elements.unary,
    elements.binary,
    sums.reduce,
    shapes.concat,
    shapes.split,
    shapes.permute,
    elements.masked,
    elements.softmax,
    sums.linear,
    shapes.reshape,
)
_CATALOGUE: dict[int, Sequence[Draw]] = {
    5: _ANY,
    4: (
        *_ANY,
        *(convolutions.conv2d,) * 3,
        *(convolutions.conv_norm,) * 2,
        convolutions.conv_transpose,
        *(convolutions.pool,) * 2,
        convolutions.adaptive,
        *(sums.norm2d,) * 2,
        sums.residual,
        sums.reduce_two,
        *(shapes.upsample,) * 2,
        shapes.shuffle,
        shapes.pad,
    ),
    3: (
        *_ANY,
        *(convolutions.conv1d,) * 2,
        convolutions.conv_transpose1d,
        convolutions.pool1d,
        sums.norm,
        sums.residual,
        sums.attention,
        *(sums.product,) * 2,
        shapes.pad,
    ),
    2: (*_ANY, sums.norm, sums.residual, sums.embedding),
}
