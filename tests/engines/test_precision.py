"""How exactly WebGL2 keeps values is chosen from Python, and checked by a tolerance of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from pyjsml import Bundle, Executor, api
from pyjsml.cli import main
from pyjsml.engines import get_engine
from pyjsml.errors import OptionError
from tests.conftest import SharedBundle
from tests.support.browsers import NAMES, need_browser
from tests.support.models import IMAGE, SmallNet, image, seeded

pytestmark = pytest.mark.usefixtures("one_firefox")

TOLERANCES = {"float32": "0.001 + 0.001|b|", "float16": "0.02 max|b|"}


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    made: torch.nn.Module = seeded(SmallNet)
    return made


@pytest.fixture(scope="module")
def bundle(net: torch.nn.Module, shared_bundle: SharedBundle) -> Bundle:
    def make() -> Bundle:
        example = (torch.zeros(1, 3, 16, 16),)
        return api.bundle(net, example, inputs=IMAGE, devices=["wasm", "webgl2"])

    return shared_bundle("small-net-webgl2", make)


@pytest.fixture(scope="module")
def vectors(net: torch.nn.Module, bundle: Bundle) -> dict[str, np.ndarray]:
    (output,) = (port["name"] for port in bundle.model["outputs"])
    with torch.no_grad():
        logits = net(torch.from_numpy(image())).numpy()
    return {"in:image": image(), f"out:{output}": logits}


@pytest.mark.parametrize("browser", NAMES)
def test_each_precision_is_checked_by_its_own_tolerance(
    browser: str, bundle: Bundle, vectors: dict[str, np.ndarray]
) -> None:
    need_browser(browser)
    report = api.check(
        bundle,
        vectors=vectors,
        engines=[browser],
        devices=["wasm", "webgl2"],
        precisions=["float32", "float16"],
    )
    assert report.ok, report.to_json()
    labels = [browser, f"{browser} webgl2", f"{browser} webgl2 float16"]
    assert [row.label for row in report.rows] == labels
    _, exact, rounded = report.rows
    for row in (exact, rounded):
        assert row.tolerance == TOLERANCES[row.precision]
    assert exact.comparison is not None
    assert rounded.comparison is not None
    # A rounding to 11 bits is there to be seen: each keeps values as it was told to.
    assert exact.comparison.max_abs < 1e-5
    assert rounded.comparison.max_abs > 1e-5


def test_what_is_off_by_more_diverges(bundle: Bundle, vectors: dict[str, np.ndarray]) -> None:
    need_browser("chromium")
    name, *_ = (key for key in vectors if key.startswith("out:"))
    off = vectors[name].copy()
    off.flat[0] += 0.05 * np.abs(off).max()
    report = api.check(
        bundle,
        vectors=vectors | {name: off},
        engines=["chromium"],
        devices=["webgl2"],
        precisions=["float16"],
    )
    (row,), (divergence,) = report.rows, report.divergences
    assert (row.status, row.label) == ("diverged", "chromium webgl2 float16")
    assert row.comparison is not None
    assert (row.comparison.mismatched, row.comparison.worst) == (1, (0, 0))
    assert (divergence.label, divergence.precision) == (row.label, "float16")
    assert report.to_json()["rows"][0]["precision"] == "float16"


def test_the_command_line_says_it_too(
    bundle: Bundle, vectors: dict[str, np.ndarray], tmp_path: Path
) -> None:
    need_browser("chromium")
    bundle.write(tmp_path / "net")
    np.save(tmp_path / "image.npy", vectors["in:image"])
    np.savez(tmp_path / "vectors.npz", allow_pickle=False, **vectors)
    place = ["--engine", "chromium", "--device", "webgl2", "--precision"]

    def invoke(command: str, *arguments: str | Path) -> str:
        given = [command, str(tmp_path / "net"), *map(str, arguments)]
        result = CliRunner().invoke(main, given)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    found = {
        precision: json.loads(
            invoke("run", "--input", tmp_path / "image.npy", *place, precision, "--json")
        )
        for precision in TOLERANCES
    }
    assert found["float16"] != found["float32"]
    file = tmp_path / "vectors.npz"
    said = json.loads(invoke("check", "--vectors", file, *place, "float32,float16", "--json", "-"))
    assert [row["tolerance"] for row in said["rows"]] == list(TOLERANCES.values())
    said = json.loads(invoke("bench", "--runs", "1", *place, "float16", "--json", "-"))
    assert (said["device"], said["precision"]) == ("webgl2", "float16")
    assert "chromium webgl2 float16, 1 thread" in invoke("bench", "--runs", "1", *place, "float16")


def test_a_precision_that_is_not_there(bundle: Bundle) -> None:
    with pytest.raises(OptionError, match="device wasm keeps values in float32; webgl2 alone"):
        Executor(bundle, precision="float16")
    with pytest.raises(OptionError, match="no precision 'float8'; there are: float32, float16"):
        get_engine("chromium").open(bundle, device="webgl2", precision="float8")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="device wasm keeps values in float32"):
        api.check(bundle, vectors={}, precisions=["float16"])
