"""`pyjsml inspect` of bundles, and the memory plan that it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyjsml import Bundle
from pyjsml.cli import main
from pyjsml.plan import lay_out, typical_dims


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def test_plan_of_a_static_model(tiny: Bundle) -> None:
    plan = lay_out(tiny.model, {})
    slots = {slot.name: slot for slot in plan.slots}
    assert plan.peaks == {"persistent": 16, "load": 16, "main": 64}
    assert (slots["x"].offset, slots["x"].size) == (0, 24)
    assert (slots["mul"].offset, slots["mul"].size) == (32, 24)
    assert (slots["flatten"].offset, slots["flatten"].alias) == (32, "mul")
    assert (slots["x"].first, slots["x"].last) == (-1, 0)
    assert (slots["mul"].first, slots["mul"].last) == (0, 1)


@pytest.mark.parametrize(("batch", "peak"), [(1, 32), (2, 64), (8, 192)])
def test_plan_grows_with_the_dims(tiny_dynamic: Bundle, batch: int, peak: int) -> None:
    plan = lay_out(tiny_dynamic.model, {"batch": batch})
    assert plan.peaks["main"] == peak
    limits = tiny_dynamic.manifest["limits"]["memory"]
    for key, size in (("least", 1), ("most", 8)):
        peaks = lay_out(tiny_dynamic.model, {"batch": size}).peaks
        assert limits[key]["persistent"] == peaks["persistent"]
        assert limits[key]["arena"] == max(peaks["load"], peaks["main"])


def test_typical_dims_are_the_largest(tiny_dynamic: Bundle) -> None:
    assert typical_dims(tiny_dynamic.model) == {"batch": 8}


def test_shows_ops_and_plan(tiny_dynamic: Bundle, tmp_path: Path) -> None:
    tiny_dynamic.write(tmp_path / "tiny")
    result = invoke(tmp_path / "tiny")
    assert result.exit_code == 0, result.stderr
    for text in (
        "input   x: float32[batch,3]",
        "dim     batch: 1 to 8",
        "multiply",
        "head.scale",
        "Memory plan for batch = 8",
        "peak of a run    192 B",
        "= mul",
    ):
        assert text in result.stdout


def test_json(tiny: Bundle, tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny")
    said = json.loads(invoke(tmp_path / "tiny", "--json").stdout)
    assert said["name"] == tiny.manifest["name"]
    assert said["ops"] == tiny.model["ops"]
    assert said["plan"]["peaks"] == {"persistent": 16, "load": 16, "main": 64}


def test_a_bundle_has_no_stages(tiny: Bundle, tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny")
    result = invoke(tmp_path / "tiny", "--stage", "lower")
    assert result.exit_code == 2
    assert "a bundle is compiled" in result.stderr


def test_unknown_stage() -> None:
    result = invoke("model.onnx", "--stage", "link")
    assert result.exit_code == 2
    assert "'load', 'optimize', 'lower', 'compile', 'schedule'" in result.stderr
