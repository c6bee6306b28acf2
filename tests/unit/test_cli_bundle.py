"""`pyjsml bundle`: its options, and what it does with the bundle. Compiling is tested elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pyjsml import Bundle, api
from pyjsml.cli import main
from pyjsml.program import TensorSpec


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tiny: Bundle) -> dict[str, Any]:
    """Compile every model to `tiny`; return what the compiler was asked for."""
    asked: dict[str, Any] = {}

    def bundle(source: str, **options: Any) -> Bundle:
        asked.update(options, source=source)
        options["progress"]("load", 1, 1)
        with options["timings"].measure("load"):
            return tiny

    monkeypatch.setattr(api, "bundle", bundle)
    return asked


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["bundle", *map(str, arguments)])


def test_options_reach_the_compiler(compiled: dict[str, Any], tmp_path: Path) -> None:
    result = invoke(
        "model.onnx", "-o", tmp_path / "out", "--input", "ids=int64[1,seq]", "--dim", "seq=1:512",
        "--device", "wasm", "--name", "@me/model", "--version", "1.2.3", "--runtime", "external",
        "--executor", "own.ts", "--jobs", "3", "--no-cache", "--database", "tuned.jsonl",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    del compiled["progress"], compiled["timings"]
    assert compiled == {
        "source": "model.onnx",
        "inputs": {"ids": TensorSpec("ids", "int64", (1, "seq"))},
        "dims": {"seq": (1, 512)},
        "devices": ("wasm",),
        "name": "@me/model",
        "version": "1.2.3",
        "runtime": "external",
        "executor": Path("own.ts"),
        "jobs": 3,
        "cache": False,
        "database": Path("tuned.jsonl"),
    }


def test_writes_the_bundle_and_lists_what_is_in_it(
    compiled: dict[str, Any], tiny: Bundle, tmp_path: Path
) -> None:
    result = invoke("model.onnx", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert Bundle.open(tmp_path / "out") == tiny
    for path in tiny.files:
        shown = path if "/" not in path else "runtime/"
        assert result.stdout.count(f"  {shown}\n") == 1
    assert "load: 1/1" in result.stderr


def test_json(compiled: dict[str, Any], tiny: Bundle, tmp_path: Path) -> None:
    result = invoke("model.onnx", "-o", tmp_path / "out", "--json")
    said = json.loads(result.stdout)
    assert said["directory"] == str(tmp_path / "out")
    assert said["name"] == tiny.manifest["name"]
    assert said["files"] == {path: len(data) for path, data in tiny.files.items()}
    assert said["bytes"] == sum(said["files"].values())


def test_replaces_a_bundle(compiled: dict[str, Any], tmp_path: Path) -> None:
    assert invoke("model.onnx", "-o", tmp_path / "out").exit_code == 0
    assert invoke("model.onnx", "-o", tmp_path / "out").exit_code == 0


def test_refuses_a_directory_of_something_else_before_compiling(
    compiled: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    result = invoke("model.onnx", "-o", tmp_path)
    assert result.exit_code == 2
    assert "holds something that is not a bundle (thesis.tex)" in result.stderr
    assert compiled == {}
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_lists_every_malformed_option(tmp_path: Path) -> None:
    result = invoke(
        "model.onnx", "-o", tmp_path / "out", "--input", "x=float12[1]", "--input", "y:float32"
    )
    assert result.exit_code == 2
    assert "float12" in result.stderr
    assert "y:float32" in result.stderr


def test_unknown_device(tmp_path: Path) -> None:
    result = invoke("model.onnx", "-o", tmp_path / "out", "--device", "wasm,gpu")
    assert result.exit_code == 2
    assert result.stderr == ("error: --device takes some of: wasm, webgl2\n  - there is no 'gpu'\n")


def test_output_is_required() -> None:
    result = invoke("model.onnx")
    assert result.exit_code == 2
    assert "Missing option '-o'" in result.stderr


def test_says_how_long_each_stage_took(compiled: dict[str, Any], tmp_path: Path) -> None:
    command = ("model.onnx", "-o", tmp_path / "out", "--timings")
    result = invoke(*command)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()[-5:]]
    assert [line[0] for line in lines if len(line) == 2] == ["load", "write", "all"]
    timings = json.loads(invoke(*command, "--json").stdout)["timings"]
    assert list(timings) == ["load", "write"]
    assert all(seconds >= 0 for seconds in timings.values())


def test_refuses_to_compile_in_no_process(compiled: dict[str, Any], tmp_path: Path) -> None:
    result = invoke("model.onnx", "-o", tmp_path / "out", "--jobs", "0")
    assert result.exit_code == 2
    assert "--jobs" in result.stderr
    assert not compiled
