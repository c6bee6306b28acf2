"""Shapes that are products and sums of dims, which no axis of an operand spells out by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from pyjsml import api
from pyjsml.program import ISAS, TensorSpec
from tests.support.networks import seeded


class Derived(nn.Module):
    """Every family of operators on rows that are ten times the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 5)
        self.norm = nn.LayerNorm(4)
        self.batch_norm = nn.BatchNorm1d(4)
        self.conv = nn.Conv1d(4, 3, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        batch = x.shape[0]
        rows = x.reshape(batch * 10, 4)
        square = rows.view(batch * 10, 2, 2)
        first = torch.zeros(batch * 10, 1, dtype=torch.int64)
        return (
            torch.softmax(rows, -1) + self.batch_norm(rows),
            self.linear(rows).reshape(batch, 10, 5).cumsum(1),
            torch.zeros(batch * 3, 2) + 1,
            rows.repeat(2, 1),
            torch.cat([rows, rows]),
            rows.flip(0),
            F.pad(rows, (0, 0, 1, 2)) * 2,
            rows.transpose(0, 1).contiguous() * 2,
            *torch.sort(rows, 1),
            rows.gather(1, first),
            self.norm(rows) + rows,
            self.conv(rows[:, :, None]),
            square @ square,
            torch.where(rows > 0, rows, rows * 2),
            rows.max(1).values,
            rows.view(-1)[1:] * 2,
            torch.einsum("ij,kj->ik", rows, rows),
        )


def test_shapes_that_are_products_of_dims() -> None:
    pytest.importorskip("py_mini_racer", reason="bundles run in V8: pip install mini-racer")
    module = seeded(Derived())
    spec = TensorSpec("x", "float32", ("batch", 10, 4))
    bundle = api.bundle(module, (torch.zeros(3, 10, 4),), inputs={"x": spec})
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for batch in (2, 1, 5):
                x = torch.randn((batch, 10, 4), generator=torch.Generator().manual_seed(batch))
                found: list[Any] = list(executor.run(x=x.numpy()).values())
                expected: Any = module(x)
                for value, wanted in zip(found, expected, strict=True):
                    np.testing.assert_allclose(value, wanted.detach(), rtol=1e-5, atol=1e-5)
