"""Real models on WebGL2 where float32 can't be drawn, and where 16 bits are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from pyjsml.check.compare import compare
from pyjsml.check.tolerance import tolerance
from pyjsml.engines.files import runtime_module
from pyjsml.engines.site import Site
from pyjsml.engines.wire import encode
from tests.conftest import SharedBundle
from tests.support.browsers import NAMES, open_page
from tests.support.real import REAL_MODELS, Vectors
from tests.support.webgl2 import SCENARIOS

MODELS = {real.name: real for real in REAL_MODELS}
SMALL = ("mnist_cntk", "cnn_mnist_pytorch", "resnet20_cifar10")
SCRIPTS = ("precision.js", "extensions.js")
HIDDEN = ["EXT_color_buffer_float", "EXT_color_buffer_half_float"]

Run = Callable[[str, dict[str, Any]], tuple[Any, Vectors, Vectors]]
"""Run a model with options; return what describes its device, its outputs, and the right ones."""


def some(*names: str) -> list[Any]:
    """Return models as parameters."""
    return [pytest.param(n, marks=() if n in SMALL else pytest.mark.slow) for n in names]


@pytest.fixture(scope="module", params=NAMES)
def run(
    request: pytest.FixtureRequest,
    models: Path,
    shared_bundle: SharedBundle,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    scripts = {f"/{name}": (SCENARIOS / name).read_bytes() for name in SCRIPTS}
    pages = {"/": b"<!doctype html><title>webgl2</title>", "/favicon.ico": b"", **scripts}
    folder = tmp_path_factory.mktemp("browser")
    with Site(pages) as site, open_page(request.param, site.url, folder) as opened:

        def run(name: str, options: dict[str, Any]) -> tuple[Any, Vectors, Vectors]:
            real = MODELS[name]
            bundle = shared_bundle(
                f"{name}-webgl2", lambda: real.bundle(models, devices=["wasm", "webgl2"])
            )
            vectors = real.vectors(models)
            inputs = {key[3:]: v for key, v in vectors.items() if key.startswith("in:")}
            expected = {key[4:]: v for key, v in vectors.items() if key.startswith("out:")}
            site.pages.update({f"/{name}/{path}": data for path, data in bundle.files.items()})
            site.pages["/inputs"] = encode(inputs)
            where = {"folder": f"/{name}", "runtime": runtime_module(bundle)}
            script = "async (a) => (await import('/precision.js')).run(a)"
            device = opened.page.evaluate(script, {**where, **options})
            return device, load(site.posted["/outputs"]), expected

        yield run


@pytest.mark.parametrize(
    "name", some(*SMALL, "mobilenet_v2_fp32", "style_udnie", "minilm_static", "ultraface_rfb320")
)
def test_floats_are_as_exact_where_they_are_integers(name: str, run: Run) -> None:
    device, outputs, expected = run(name, {"precision": "float32", "hidden": HIDDEN})
    assert "precision" not in device
    for output, wanted in expected.items():
        compared = compare(outputs[output], wanted, tolerance("float32", "webgl2"))
        assert compared.ok, f"{output}: {compared}"


@pytest.mark.parametrize(
    "name",
    some(*SMALL, "mobilenet_v2_fp32", "super_resolution_x3", "ultraface_rfb320", "minilm_static"),
)
def test_floats_of_16_bits_are_within_their_tolerance(name: str, run: Run) -> None:
    device, outputs, expected = run(name, {"precision": "float16", "hidden": HIDDEN[:1]})
    assert device["precision"] == "float16"
    for output, wanted in expected.items():
        error = np.abs(outputs[output].astype(np.float64) - wanted).max()
        assert 0 < error <= device["tolerance"] * np.abs(wanted).max(), output


@pytest.mark.slow
def test_16_bits_are_too_few_for_sums_of_many_squares(run: Run) -> None:
    # Its normalisations add up 50,176 pixels each. Some drivers make 65,504 of what is too large,
    # and others infinity, which soon is no number.
    device, outputs, expected = run("style_udnie", {"precision": "float16", "hidden": HIDDEN[:1]})
    error = np.abs(outputs["styled"].astype(np.float64) - expected["styled"]).max()
    assert np.isnan(error) or error > device["tolerance"] * np.abs(expected["styled"]).max()
