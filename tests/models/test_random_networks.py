"""Random networks compute what torch computes, on both instruction sets and at every batch size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyjsml import api
from pyjsml.check.compare import compare
from pyjsml.check.tolerance import tolerance
from pyjsml.program import ISAS, TensorSpec
from tests.support.random_networks import RandomNetwork

ENGINE = "v8"
SEEDS = (3, 6, 9, 21, 46, 53, 56, 74, 106, 115, 138, 166, 211, 300, 321, 411, 1055)
"""Networks that once failed, and some more."""
BATCHES = (2, 1, 5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_match_torch(seed: int) -> None:
    network = RandomNetwork(seed)
    rest = network.shape[1:]
    inputs = {"x": TensorSpec("x", "float32", ("batch", *rest))} if network.dynamic else None
    bundle = api.bundle(network, (torch.zeros(network.shape),), inputs=inputs)
    for isa in ISAS:
        with api.Executor(bundle, ENGINE, isa=isa) as executor:
            for batch in BATCHES if network.dynamic else network.shape[:1]:
                generator = torch.Generator().manual_seed(seed + batch)
                x = torch.randn((batch, *rest), generator=generator)
                with torch.no_grad():
                    expected = network(x).numpy()
                # What a run reads without having written it is then NaN.
                executor.run(x=np.full(x.shape, np.nan, np.float32))
                (actual,) = executor.run(x=x.numpy()).values()
                compared = compare(actual, expected, tolerance("float32", "wasm"))
                assert compared.ok, f"{isa}, batch {batch}, {network.text}: {compared}"
