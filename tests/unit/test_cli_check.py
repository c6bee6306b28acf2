"""`pyjsml check`: the table, the report as JSON, the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pyjsml import Bundle
from pyjsml.cli import main
from tests.support.tiny import WEIGHT

if TYPE_CHECKING:
    from pyjsml.program import Array

X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = (X * WEIGHT).ravel()


@pytest.fixture
def directory(tiny: Bundle, tmp_path: Path) -> Path:
    tiny.write(tmp_path / "tiny")
    return tmp_path / "tiny"


def vectors(folder: Path, expected: Array) -> Path:
    file = folder / "vectors.npz"
    np.savez(file, allow_pickle=False, **{"in:x": X, "out:y": expected})
    return file


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


def test_agreement(directory: Path, tmp_path: Path) -> None:
    file = vectors(tmp_path, Y)
    result = invoke(directory, "--vectors", file, "--engine", "pythonmonkey")
    assert result.exit_code == 0, result.stderr
    assert "float32[6]" in result.stdout
    assert " ok" in result.stdout


def test_divergence_is_exit_code_1(directory: Path, tmp_path: Path) -> None:
    file = vectors(tmp_path, Y + 1)
    result = invoke(directory, "--vectors", file, "--engine", "pythonmonkey")
    assert result.exit_code == 1
    assert " diverged" in result.stdout
    assert "pythonmonkey: " in result.stdout


@pytest.mark.parametrize("target", ["file", "-"])
def test_json(directory: Path, tmp_path: Path, target: str) -> None:
    where = str(tmp_path / "report.json") if target == "file" else "-"
    file = vectors(tmp_path, Y)
    result = invoke(directory, "--vectors", file, "--engine", "pythonmonkey", "--json", where)
    assert result.exit_code == 0
    said = Path(where).read_text() if target == "file" else result.stdout
    report = json.loads(said)
    assert report["ok"] is True
    assert [row["output"] for row in report["rows"]] == ["y"]
    assert (" ok" in result.stdout) == (target == "file")


def test_something_to_compare_with(directory: Path) -> None:
    result = invoke(directory)
    assert result.exit_code == 2
    assert "give --vectors FILE.npz, --reference MODEL, or both" in result.stderr


def test_unknown_engines(directory: Path, tmp_path: Path) -> None:
    file = vectors(tmp_path, Y)
    result = invoke(directory, "--vectors", file, "--engine", "node,netscape,mosaic")
    assert result.exit_code == 2
    assert "there is no 'netscape'\n" in result.stderr
    assert "there is no 'mosaic'\n" in result.stderr
    assert "pythonmonkey, v8, node, chromium, firefox" in result.stderr
