"""Layers that compute elements from elements: activations, arithmetic, masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812, what everybody calls it
from torch import nn

from tests.support.random_networks.draft import Draft, Layer

UNARY = (
    *("abs", "atan", "ceil", "cos", "erf", "exp", "expm1", "floor", "log1p", "neg", "reciprocal"),
    *("round", "rsqrt", "sign", "sin", "sqrt", "square", "tanh", "trunc"),
)


def activation(draft: Draft) -> tuple[str, Layer]:
    module = draft.pick.choice(
        [
            nn.ReLU(),
            nn.ReLU6(),
            nn.GELU(),
            nn.GELU(approximate="tanh"),
            nn.SiLU(),
            nn.Hardswish(),
            nn.Hardsigmoid(),
            nn.Hardtanh(),
            nn.ELU(),
            nn.CELU(),
            nn.SELU(),
            nn.LeakyReLU(0.1),
            nn.PReLU(),
            nn.PReLU(draft.shape[1]),
            nn.Softplus(),
            nn.Softsign(),
            nn.Mish(),
            nn.Sigmoid(),
            nn.LogSigmoid(),
            nn.Tanh(),
            nn.Softmin(dim=-1),
        ]
    )
    return str(module), module


def unary(draft: Draft) -> tuple[str, Layer]:
    name = draft.pick.choice(UNARY)
    function = getattr(torch, name)
    if name in ("log1p", "sqrt", "rsqrt", "reciprocal"):
        return f"{name}(|x| + 0.1)", lambda x: function(x.abs() + 0.1)
    if name in ("floor", "ceil", "round", "trunc", "sign"):
        return f"{name}(x) + x", lambda x: function(x * 3 + 0.0137) + x
    return name, lambda x: function(x.clamp(-5, 5))


def binary(draft: Draft) -> tuple[str, Layer]:
    axes = [draft.pick.choice([1, size]) for size in draft.shape[1:]]
    other = nn.Parameter(torch.rand(axes) + 0.5)
    name = draft.pick.choice(["add", "sub", "mul", "div", "maximum", "minimum", "pow", "atan2"])
    module = _Binary(other, name)
    return f"{name}({axes})", module


class _Binary(nn.Module):
    def __init__(self, other: nn.Parameter, name: str) -> None:
        super().__init__()
        self.other = other
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = x.abs() + 0.1 if self.name == "pow" else x
        result: torch.Tensor = getattr(torch, self.name)(first, self.other)
        return result


def masked(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1)
    match draft.pick.choice(["where", "masked_fill", "tril", "cumsum", "clamp", "argmax"]):
        case "where":
            return "where(x > 0.1)", lambda x: torch.where(x > 0.1, x * 2, x - 1)
        case "masked_fill":
            return "masked_fill", lambda x: x.masked_fill(~(x < 0.5), -3.0)
        case "tril":
            return "tril", lambda x: torch.tril(x, 1) + torch.triu(x, -1)
        case "cumsum":
            return f"cumsum({axis})", lambda x: torch.cumsum(x, axis)
        case "argmax":
            return f"argmax({axis})", lambda x: x + x.argmax(axis, keepdim=True)
        case _:
            return "clamp(min)", lambda x: x.clamp(min=-0.3)


def softmax(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1) - draft.pick.choice([0, len(draft.shape)])
    function = draft.pick.choice([F.softmax, F.log_softmax])
    return f"{function.__name__}({axis})", lambda x: function(x, dim=axis)
