"""Any split of a model between wasm and webgl2, in any order of its ops, gives what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pyjsml import api
from pyjsml.check.compare import compare
from pyjsml.check.tolerance import tolerance
from pyjsml.engines.files import runtime_module
from pyjsml.engines.site import Site
from pyjsml.program import TensorSpec
from tests.support.browsers import NAMES, open_page
from tests.support.random_networks import RandomNetwork

SPLITS = Path(__file__).parent / "splits" / "splits.js"
NETWORKS = (3, 9, 21, 53, 74, 115)
BATCHES = (2, 1, 5)
SHARES = (1.0, 0.7, 0.3)
"""Of the ops that webgl2 can run, how many do."""

pytestmark = pytest.mark.slow
Run = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    page = b"<!doctype html><title>splits</title>"
    with Site({"/": page, "/favicon.ico": b"", "/splits.js": SPLITS.read_bytes()}) as site:
        yield site


@pytest.fixture(scope="module", params=NAMES)
def run(
    site: Site, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    with open_page(request.param, site.url, tmp_path_factory.mktemp("browser")) as opened:
        yield lambda options: opened.page.evaluate(
            "async (a) => (await import('/splits.js')).run(a)", options
        )


@pytest.mark.parametrize("seed", NETWORKS)
def test_splits_of_random_networks(seed: int, site: Site, run: Run) -> None:
    network = RandomNetwork(seed)
    rest = network.shape[1:]
    inputs = {"x": TensorSpec("x", "float32", ("batch", *rest))} if network.dynamic else None
    example = (torch.zeros(network.shape),)
    bundle = api.bundle(network, example, inputs=inputs, devices=("wasm", "webgl2"))
    folder = f"/network{seed}"
    site.pages.update({f"{folder}/{path}": data for path, data in bundle.files.items()})
    generator = torch.Generator().manual_seed(seed)
    given = [
        torch.randn((batch, *rest), generator=generator)
        for batch in (BATCHES if network.dynamic else network.shape[:1])
    ]
    with torch.no_grad():
        expected = [network(x).numpy() for x in given]
    plain = [{"shape": list(x.shape), "data": x.ravel().tolist()} for x in given]
    for number, share in enumerate(SHARES):
        options = {"folder": folder, "runtime": runtime_module(bundle), "inputs": plain}
        found = run({**options, "seed": 100 * seed + number, "share": share})
        for output, wanted in zip(found["outputs"], expected, strict=True):
            actual = np.array(output["y"], np.float32).reshape(output["shape"])
            compared = compare(actual, wanted, tolerance("float32", "webgl2"))
            assert compared.ok, f"{share}, {found['count']}, {network.text}: {compared}"
            assert output["same"]
            assert output["inTwo"]
        if share == 1.0:
            assert found["count"]["webgl2"] > found["count"]["wasm"]
