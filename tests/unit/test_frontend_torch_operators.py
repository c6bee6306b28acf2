"""Operators of torch, each in one line, compared with eager torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pyjsml.dims import Shape
from pyjsml.frontend import load
from pyjsml.program import TensorSpec
from tests.support.models_native import evaluate

Function = Callable[..., Any]

PROMOTIONS: Sequence[Function] = (
    lambda n, b, x: n * 1.5,
    lambda n, b, x: n > 0.5,
    lambda n, b, x: n + x,
    lambda n, b, x: 3 - n,
    lambda n, b, x: n / 2,
    lambda n, b, x: torch.maximum(n, x),
    lambda n, b, x: n.clamp(max=1.5),
    lambda n, b, x: torch.add(x, n, alpha=3),
    lambda n, b, x: torch.sub(x, x, alpha=0.5),
    lambda n, b, x: torch.rsub(n, x, alpha=2),
    lambda n, b, x: b + b,
    lambda n, b, x: b * (n > 0),
    lambda n, b, x: b * x,
    lambda n, b, x: b < (n > 0),
    lambda n, b, x: b == 1,
    lambda n, b, x: b & 1,
    lambda n, b, x: n ^ b,
    lambda n, b, x: torch.sqrt(n.abs()) + 1 / (n**2 + 1),
    lambda n, b, x: torch.sigmoid(b) + b.exp(),
    lambda n, b, x: n**2,
    lambda n, b, x: b**3,
    lambda n, b, x: x**n,
    lambda n, b, x: b.cumsum(1),
    lambda n, b, x: n.int().cumsum(0),
    lambda n, b, x: n.to(torch.int8).cumprod(1),
    lambda n, b, x: b.prod(),
    lambda n, b, x: n.int().prod(1),
    lambda n, b, x: b.sum(1),
    lambda n, b, x: b.amax(1),
    lambda n, b, x: b.max(1)[0],
    lambda n, b, x: b.argsort(stable=True, dim=1),
    lambda n, b, x: b.sort(stable=True, dim=1, descending=True)[0],
    lambda n, b, x: n.any(),
    lambda n, b, x: (n - 1).any(1),
    lambda n, b, x: x.any(0, keepdim=True),
    lambda n, b, x: b.all(),
)
"""Operands of several dtypes: the integers `n`, the booleans `b` and the floats `x`."""


def _set_row(x: Tensor, y: Tensor) -> Tensor:
    x = x.clone()
    x[-1] = y
    x[:, 1] = 7
    return x


def _reduced(x: Tensor, places: Tensor, how: str, include: bool) -> Tensor:
    return x.scatter_reduce(1, places, x, how, include_self=include)


MOVES: Sequence[Function] = (
    lambda n, b, x: _set_row(x, n.float()[0]),
    *(
        lambda n, b, x, how=how, include=include: _reduced(x, n.abs() % 2, how, include)
        for how in ("sum", "mean", "prod", "amax", "amin")
        for include in (True, False)
    ),
    lambda n, b, x: _reduced(n, n.abs() % 3, "amax", False),
    lambda n, b, x: x.topk(2, 1, sorted=True),
    lambda n, b, x: x.sort(stable=True, dim=0),
)

SIZES: Sequence[Function] = (
    lambda x: x / x.shape[0],
    lambda x: x * x.shape[0] + x.shape[1],
    lambda x: x / x.shape[0] ** 0.5,
    lambda x: x * (x.shape[0] / 2 - 1),
    lambda x: x.sum(0) / (2 * x.shape[0]),
    lambda x: x.clamp(max=x.shape[0] - 4),
    lambda x: torch.arange(x.shape[0]) * 2 % x.shape[0] < x.shape[0] // 2,
    lambda x: torch.tensor(x.shape[0]) * x,
    lambda x: x.roll(2, 0),
    lambda x: x.unfold(0, 3, 2),
    lambda x: x.unfold(1, 2, 1),
    lambda x: x.std(0),
    lambda x: x.var((0, 1), unbiased=False),
    lambda x: torch.var_mean(x, 0),
)
"""Numbers that follow from the length of the first axis."""


class Many(nn.Module):
    """Applies functions of the same inputs."""

    def __init__(self, functions: Sequence[Function]) -> None:
        super().__init__()
        self.functions = functions

    def forward(self, x: Tensor, y: Tensor | None = None, z: Tensor | None = None) -> list[Any]:
        given = [each for each in (x, y, z) if each is not None]
        return [function(*given) for function in self.functions]


def check(functions: Sequence[Function], given: Sequence[Tensor], shapes: Sequence[Shape]) -> None:
    """Compare values, shapes and dtypes."""
    module = Many(functions)
    specs = {
        name: TensorSpec(name, str(x.dtype).removeprefix("torch."), shape)
        for name, x, shape in zip("xyz", given, shapes, strict=False)
    }
    program = load(module, inputs=specs, dims={"n": (3, 64)} if "n" in shapes[0] else {})
    found = evaluate(program, {name: x.numpy() for name, x in zip(specs, given, strict=True)})
    expected = torch.utils._pytree.tree_leaves(module(*given))
    for (name, value), wanted in zip(found.items(), expected, strict=True):
        np.testing.assert_allclose(value, wanted.numpy(), rtol=1e-5, atol=1e-6, err_msg=name)
        assert value.dtype == wanted.numpy().dtype, name


def sample() -> tuple[Tensor, Tensor, Tensor]:
    """Return integers, booleans and floats."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(-4, 9, (3, 5), generator=generator)
    floats = torch.randn(3, 5, generator=generator)
    return numbers, torch.randn(3, 5, generator=generator) > 0, floats


def test_operands_of_several_dtypes() -> None:
    check(PROMOTIONS, sample(), [(3, 5)] * 3)


def test_writing_and_ordering() -> None:
    check(MOVES, sample(), [(3, 5)] * 3)


def test_numbers_that_follow_from_sizes() -> None:
    check(SIZES, [sample()[2]], [("n", 5)])


class Bags(nn.Module):
    """Bags of words, all of one length, or told by where they begin."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.EmbeddingBag(9, 4, mode="mean", padding_idx=0)
        self.max = nn.EmbeddingBag(9, 4, mode="max")
        self.sum = nn.EmbeddingBag(9, 4, mode="sum")
        self.bounded = nn.EmbeddingBag(9, 4, mode="max", include_last_offset=True)

    def forward(self, words: Tensor, starts: Tensor, factors: Tensor) -> list[Tensor]:
        whole = words.flatten()
        return [
            self.mean(words),
            self.max(words),
            self.sum(words, per_sample_weights=factors),
            self.mean(whole, starts),
            self.bounded(whole, starts),
        ]


def test_bags_of_embeddings() -> None:
    torch.manual_seed(0)
    module = Bags().eval()
    words = torch.randint(0, 9, (3, 5))
    words[1] = 0
    given = {"words": words, "starts": torch.tensor([0, 4, 4, 15]), "factors": torch.randn(3, 5)}
    specs = {
        name: TensorSpec(name, str(x.dtype).removeprefix("torch."), ("n", 5))
        for name, x in given.items()
    }
    specs["starts"] = TensorSpec("starts", "int64", (4,))
    program = load(module, inputs=specs, dims={"n": (2, 64)})
    found = evaluate(program, {name: x.numpy() for name, x in given.items()})
    for value, expected in zip(found.values(), module(**given), strict=True):
        np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-5, atol=1e-6)
