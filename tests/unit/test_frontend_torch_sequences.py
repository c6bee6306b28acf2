"""What models of language and sound do with sequences whose lengths vary."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pyjsml.frontend import load, open_reference, parse_dims, parse_inputs
from tests.support.models import seeded
from tests.support.models_native import assert_close, evaluate


class Positions(nn.Module):
    """Embeddings of positions that a table has, as many as there are tokens."""

    numbers: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(16, 4)
        self.register_buffer("numbers", torch.arange(16)[None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places: torch.Tensor = self.table(self.numbers[:, : x.shape[1]])
        return x + places


class Mixed(nn.Module):
    """Attention, whose result torch lays in memory as the next layer likes to read it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        heads = x.view(batch, length, 2, 2).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(heads, heads, heads, is_causal=True)
        return mixed.transpose(1, 2).reshape(batch, length, 4).contiguous().view(-1, 4)


def check(module: nn.Module) -> None:
    """Compare with eager torch, for several lengths."""
    program = load(
        module, inputs=parse_inputs(["x=float32[batch,seq,4]"]), dims=parse_dims(["seq=1:16"])
    )
    for batch, length in ((2, 5), (1, 1), (3, 16)):
        x = np.random.default_rng(length).standard_normal((batch, length, 4)).astype(np.float32)
        expected = module(torch.from_numpy(x)).detach().numpy()
        assert_close(evaluate(program, {"x": x})["output"], expected)


def test_slices_of_what_is_as_long_as_a_dim_may_be() -> None:
    check(seeded(Positions))


def test_views_of_what_attention_gives() -> None:
    check(Mixed())


def test_the_reference_runs_recurrent_layers_whole() -> None:
    torch.manual_seed(0)
    module = nn.GRU(4, 3, bidirectional=True).eval()
    shapes = parse_inputs(["input=float32[seq,batch,4]"])
    x = np.random.default_rng(0).standard_normal((5, 2, 4)).astype(np.float32)
    reference = open_reference(module, inputs=shapes)
    origins = load(module, inputs=shapes).origins.values()
    names = sorted({origin.output for origin in origins if origin.kind == "pyjsml.gru"})
    found = reference.intermediates({"input": x}, names)
    for name, expected in zip(names, module(torch.from_numpy(x)), strict=True):
        assert_close(found[name], expected.detach().numpy())
