"""Layers that sum: reductions, normalisations, products of matrices, attention."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812, what everybody calls it
from torch import nn

from tests.support.random_networks.draft import Draft, Layer

REDUCTIONS = ("sum", "mean", "amax", "amin", "var", "logsumexp", "norm", "std", "prod", "all")


def norm2d(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    groups = draft.pick.choice([g for g in (1, 2, 3, channels) if channels % g == 0])
    module = draft.pick.choice(
        [
            nn.BatchNorm2d(channels),
            nn.InstanceNorm2d(channels, affine=draft.pick.random() < 0.5),
            nn.GroupNorm(groups, channels),
            nn.LayerNorm(draft.shape[1:]),
            nn.LayerNorm(draft.shape[-1]),
        ]
    )
    return str(module), module


def norm(draft: Draft) -> tuple[str, Layer]:
    last = draft.shape[-1]
    module: nn.Module = draft.pick.choice([nn.LayerNorm(last), nn.RMSNorm(last)])
    if len(draft.shape) == 3 and draft.pick.random() < 0.3:
        module = nn.BatchNorm1d(draft.shape[1])
    return str(module), module


def reduce(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1)
    keep = draft.pick.random() < 0.7
    name = draft.pick.choice(REDUCTIONS)
    text = f"{name}({axis}, keepdim={keep})"
    if name == "all":
        return f"where({text})", lambda x: torch.where((x > -9).all(axis, keepdim=True), x, -x)
    if name == "norm":
        return text, lambda x: torch.linalg.vector_norm(x, dim=axis, keepdim=keep)
    function = getattr(torch, name)
    return text, lambda x: function(x, dim=axis, keepdim=keep)


def reduce_two(draft: Draft) -> tuple[str, Layer] | None:
    if len(draft.shape) != 4:
        return None
    axes = draft.pick.choice([(2, 3), (1, 3), (1, 2), (-1, -2)])
    keep = draft.pick.random() < 0.7
    function: Any = draft.pick.choice([torch.sum, torch.mean, torch.amax])
    text = f"{function.__name__}({axes}, keepdim={keep})"
    return text, lambda x: function(x, dim=axes, keepdim=keep)


def linear(draft: Draft) -> tuple[str, Layer]:
    module = nn.Linear(draft.shape[-1], draft.size(1, 33), bias=draft.pick.random() < 0.7)
    return str(module), module


def residual(draft: Draft) -> tuple[str, Layer]:
    if len(draft.shape) == 4:
        inner: nn.Module = nn.Conv2d(draft.shape[1], draft.shape[1], 3, padding=1)
    else:
        inner = nn.Linear(draft.shape[-1], draft.shape[-1])
    return f"residual({inner})", _Residual(inner)


class _Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.relu(self.inner(x))


def product(draft: Draft) -> tuple[str, Layer]:
    match draft.pick.choice(["matmul", "bmm", "einsum", "outer"]):
        case "matmul":
            return "x @ xᵀ", lambda x: x @ x.transpose(-1, -2)
        case "bmm":
            return "bmm(xᵀ, x)", lambda x: torch.bmm(x.transpose(1, 2), x)
        case "einsum":
            return "einsum(bij,bkj->bik)", lambda x: torch.einsum("bij,bkj->bik", x, x)
        case _:
            return "einsum(bij,bik->bjk)", lambda x: torch.einsum("bij,bik->bjk", x, x)


def attention(draft: Draft) -> tuple[str, Layer]:
    width = draft.shape[-1]
    heads = next(h for h in (4, 2, 1) if width % h == 0)
    return f"attention({width}, {heads})", _Attention(width, heads, draft.pick.random() < 0.5)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        result: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return result


def embedding(draft: Draft) -> tuple[str, Layer]:
    return "embedding", _Embedding(draft.size(2, 9))


class _Embedding(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(7, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.table(x.abs().mul(3.3).long() % 7)
        return result
