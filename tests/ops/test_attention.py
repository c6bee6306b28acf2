"""Attention, however it is written, is one kernel that computes what eager torch does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from pyjsml import api
from pyjsml.frontend.options import parse_dims, parse_inputs
from pyjsml.program import ISAS
from tests.support.networks import seeded

WIDTH, HEADS = 24, 3
Mix = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class Attention(nn.Module):
    """Heads over one projection for queries, keys and values; `mix` is the attention itself."""

    def __init__(self, mix: Mix, *, queries: int | None = None) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.mix = mix
        self.queries = queries

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        shape = (batch, length, HEADS, width // HEADS)
        q, k, v = (part.reshape(shape).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        return self.mix(q[:, :, : self.queries], k, v, mask).transpose(1, 2).flatten(2)


def library(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return scaled_dot_product_attention(q, k, v, mask)


def library_unmasked(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return scaled_dot_product_attention(q, k, v) + mask.sum() * 0


def by_hand(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(q @ k.transpose(-1, -2) / 2.5 + mask, -1) @ v


def scaled_first(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(mask + (0.5 * q) @ (k * 0.3).transpose(-1, -2), -1) @ v


def shared_weights(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    weights = torch.softmax(q @ k.transpose(-1, -2) + mask, -1)
    return weights @ v + weights.sum(-1, keepdim=True)


def grouped_by_head(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    keys, values = (torch.cat((part, part * 0.5), 2) for part in (k, v))
    return torch.softmax(q @ keys.transpose(-1, -2), -1) @ values + mask.sum() * 0


def masks(length: int) -> dict[str, Tensor]:
    """Return masks: of keys, of pairs, and with rows that may look at nothing."""
    keys = torch.zeros(1, 1, 1, length)
    keys[..., length // 2 + 1 :] = -1e9
    pairs = torch.full((1, 1, length, length), -np.inf).triu(1)
    heads = torch.randn(1, HEADS, length, length, generator=torch.Generator().manual_seed(3))
    empty = pairs.clone()
    empty[:, :, length // 2 :] = -np.inf
    return {"keys": keys, "pairs": pairs, "heads": heads, "empty": empty}


def check(network: nn.Module, x: Tensor, mask: Tensor, fused: bool = True) -> None:
    """Compare a bundle of `network` with itself in double precision."""
    bundle = api.bundle(network, (x, mask))
    found = [op["kind"] for op in bundle.model["ops"]]
    assert ("attention" in found, "softmax" in found) == (fused, not fused)
    with torch.no_grad():
        expected = network.double()(x.double(), mask.double()).numpy()
    network.float()
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            (actual,) = executor.run(x=x.numpy(), mask=mask.numpy()).values()
            np.testing.assert_allclose(
                np.asarray(actual, np.float32), expected, rtol=1e-5, atol=2e-6
            )


def sample(batch: int, length: int) -> Tensor:
    return torch.randn(batch, length, WIDTH, generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize("length", [2, 7, 8, 37, 70])
@pytest.mark.parametrize("mix", [library, library_unmasked, by_hand, scaled_first])
def test_attention_is_one_kernel(mix: Mix, length: int) -> None:
    check(seeded(Attention(mix)), sample(2, length), masks(length)["keys"])


@pytest.mark.parametrize("mask", ["pairs", "heads", "empty"])
@pytest.mark.parametrize("mix", [library, by_hand])
def test_masks_do_as_in_torch(mix: Mix, mask: str) -> None:
    # Where a row may look at nothing, the library gives zeros and a plain softmax NaN.
    check(seeded(Attention(mix)), sample(1, 13), masks(13)[mask])


@pytest.mark.parametrize("mix", [library, by_hand])
def test_one_query_reads_its_keys_where_they_are(mix: Mix) -> None:
    check(seeded(Attention(mix, queries=1)), sample(2, 19), masks(19)["keys"])


def test_keys_and_values_may_be_computed() -> None:
    check(seeded(Attention(grouped_by_head)), sample(1, 11), torch.zeros(1))


def test_weights_that_others_read_stay_apart() -> None:
    check(seeded(Attention(shared_weights)), sample(1, 9), masks(9)["keys"], fused=False)


class Layer(nn.Module):
    """Torch's own layer, which looks at other positions than its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mixed: Tensor = self.layer(x[:, 1:3], x, x, attn_mask=mask, need_weights=False)[0]
        return mixed


def test_torchs_own_layer_is_one_kernel() -> None:
    mask = torch.zeros(2, 14)
    mask[1, 5:] = -np.inf
    check(seeded(Layer()), sample(2, 14), mask)


def test_batches_and_lengths_may_vary() -> None:
    network = seeded(Attention(library))
    bundle = api.bundle(
        network,
        (sample(2, 9), masks(9)["keys"]),
        inputs=parse_inputs([f"x=float32[batch,length,{WIDTH}]", "mask=float32[1,1,1,length]"]),
        dims=parse_dims(["batch=1:3", "length=1:99"]),
    )
    assert "attention" in [op["kind"] for op in bundle.model["ops"]]
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for batch, length in ((1, 1), (2, 2), (3, 8), (1, 33), (2, 99)):
                x, mask = sample(batch, length), masks(length)["keys"]
                with torch.no_grad():
                    expected = network(x, mask).numpy()
                (actual,) = executor.run(x=x.numpy(), mask=mask.numpy()).values()
                np.testing.assert_allclose(
                    np.asarray(actual, np.float32), expected, rtol=1e-5, atol=2e-6
                )
