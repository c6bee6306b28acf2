"""Transformers: MiniLM-L6 and ViT-tiny (encoders), GPT-2 small (one step of decoding)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Heads that look at all tokens, and at `past` keys and values if there are any."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, tokens, width = x.shape
        shape = (batch, tokens, self.heads, width // self.heads)
        query, key, value = (
            part.reshape(shape).transpose(1, 2) for part in self.qkv(x).chunk(3, -1)
        )
        keys, values = key, value
        if past is not None:
            keys, values = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        mixed = nn.functional.scaled_dot_product_attention(query, keys, values)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width)), key, value


class Mlp(nn.Module):
    """Widens four times, and back."""

    def __init__(self, width: int, approximate: str) -> None:
        super().__init__()
        self.wide = nn.Linear(width, 4 * width)
        self.back = nn.Linear(4 * width, width)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.gelu(self.wide(x), approximate=self.approximate)
        out: Tensor = self.back(hidden)
        return out


class Block(nn.Module):
    """Attention and MLP, normalised before (ViT, GPT-2) or after (BERT) each."""

    def __init__(
        self, width: int, heads: int, eps: float, first: bool, approximate: str = "none"
    ) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads)
        self.mlp = Mlp(width, approximate)
        self.norm1 = nn.LayerNorm(width, eps)
        self.norm2 = nn.LayerNorm(width, eps)
        self.first = first

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        if self.first:
            mixed, key, value = self.attention(self.norm1(x), past)
            x = x + mixed
            return x + self.mlp(self.norm2(x)), key, value
        mixed, key, value = self.attention(x, past)
        x = self.norm1(x + mixed)
        return self.norm2(x + self.mlp(x)), key, value


class MiniLm(nn.Module):
    """MiniLM-L6-H384 (Wang et al. 2020), BERT's shape: the last hidden state of some tokens."""

    WIDTH, HEADS, DEPTH, VOCABULARY, LONGEST = 384, 12, 6, 30522, 512

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(self.VOCABULARY, self.WIDTH)
        self.position = nn.Embedding(self.LONGEST, self.WIDTH)
        self.norm = nn.LayerNorm(self.WIDTH, 1e-12)
        self.blocks = nn.ModuleList(
            Block(self.WIDTH, self.HEADS, 1e-12, first=False) for _ in range(self.DEPTH)
        )

    def forward(self, ids: Tensor) -> Tensor:
        x: Tensor = self.norm(self.word(ids) + self.position.weight[: ids.shape[1]])
        for block in self.blocks:
            x = block(x)[0]
        return x


class VitTiny(nn.Module):
    """ViT-tiny with patches of 16 (Touvron et al. 2021): 196 patches and a class token."""

    WIDTH, HEADS, DEPTH, PATCHES, CLASSES = 192, 3, 12, 196, 1000

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, self.WIDTH, 16, 16)
        self.token = nn.Embedding(1, self.WIDTH)
        self.position = nn.Embedding(1 + self.PATCHES, self.WIDTH)
        self.blocks = nn.ModuleList(
            Block(self.WIDTH, self.HEADS, 1e-6, first=True) for _ in range(self.DEPTH)
        )
        self.norm = nn.LayerNorm(self.WIDTH, 1e-6)
        self.classifier = nn.Linear(self.WIDTH, self.CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.weight[None], patches), 1) + self.position.weight
        for block in self.blocks:
            x = block(x)[0]
        logits: Tensor = self.classifier(self.norm(x[:, 0]))
        return logits


class Gpt2(nn.Module):
    """GPT-2 small (Radford et al. 2019): one token after `PAST` whose keys and values are given.

    Takes ids [1, 1] and past keys and values [layers, heads, past, 64]; gives logits
    [1, 1, vocabulary], and the token's own keys and values [layers, heads, 1, 64], which the
    caller appends.
    """

    WIDTH, HEADS, DEPTH, VOCABULARY, PAST = 768, 12, 12, 50257, 64

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(self.VOCABULARY, self.WIDTH)
        self.position = nn.Embedding(self.PAST + 1, self.WIDTH)
        self.blocks = nn.ModuleList(
            Block(self.WIDTH, self.HEADS, 1e-5, first=True, approximate="tanh")
            for _ in range(self.DEPTH)
        )
        self.norm = nn.LayerNorm(self.WIDTH)

    def forward(self, ids: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.word(ids) + self.position.weight[self.PAST]
        new_keys, new_values = [], []
        for index, block in enumerate(self.blocks):
            x, key, value = block(x, (keys[index : index + 1], values[index : index + 1]))
            new_keys.append(key)
            new_values.append(value)
        logits = nn.functional.linear(self.norm(x), self.word.weight)
        return logits, torch.cat(new_keys), torch.cat(new_values)
