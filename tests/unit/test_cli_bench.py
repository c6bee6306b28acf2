"""`pyjsml bench`: times of a bundle, its options, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pyjsml import Bundle
from pyjsml.bench import report
from pyjsml.bench.report import OURS, OpTime, Report
from pyjsml.bench.statistics import Times
from pyjsml.cli import main


@pytest.fixture
def directory(tiny_dynamic: Bundle, tmp_path: Path) -> Path:
    tiny_dynamic.write(tmp_path / "tiny")
    return tmp_path / "tiny"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_times_an_engine(directory: Path) -> None:
    result = invoke(directory, "--runs", "3", "--json", "-")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["engine"], found["threads"]) == ("pythonmonkey", 1)
    times = found["times"][OURS]
    assert times["rounds"] == 3
    assert 0 < times["least"] <= times["low"] <= times["median"] <= times["high"]
    assert [op["name"] for op in found["ops"]]
    assert all(op["flops"] >= 0 and op["ms"] >= 0 for op in found["ops"])


def test_shows_tables(directory: Path) -> None:
    result = invoke(directory, "--runs", "1")
    assert result.exit_code == 0, result.stderr
    for word in ("pythonmonkey, 1 thread", "quartiles", "GFLOP/s", "share"):
        assert word in result.stdout


def test_reads_inputs(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 4), np.float32))
    result = invoke(directory, "--input", f"x={tmp_path / 'x.npy'}")
    assert result.exit_code == 2
    assert "x" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "netscape"], "netscape"),
        (["--device", "abacus"], "abacus"),
        (["--threads", "2", "--engine", "v8"], "one thread"),
        (["--peer", "tfjs", "--model", "m.onnx"], "tfjs"),
        (["--peer", "onnxruntime-web"], "--model"),
        (["--model", "m.onnx"], "--peer"),
        (["--peer", "onnxruntime-web", "--model", "m.onnx", "--engine", "v8"], "not in v8"),
        (["--peer", "onnxruntime-web", "--model", "m.onnx"], "m.onnx can't be read"),
        (["--runs", "0"], "--runs"),
    ],
)
def test_options_that_do_not_fit(directory: Path, options: list[str], message: str) -> None:
    result = invoke(directory, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_shortfall_ends_with_1(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = {OURS: Times.of([2.0]), "onnxruntime-web": Times.of([1.0])}
    op = OpTime("a", "matmul", 1, 4_000_000, 2.0)
    found = Report("chromium", 2, times, [op], ["onnxruntime-web is 2.00 times as fast"])
    monkeypatch.setattr(report, "race_peers", lambda *_: found)
    result = invoke(directory, "--peer", "onnxruntime-web", "--model", "m.onnx")
    assert result.exit_code == 1
    assert "2.00 times as fast" in result.stdout
    assert "chromium, 2 threads" in result.stdout


def test_sums_by_kind() -> None:
    ops = [
        OpTime("a", "matmul", 1, 4_000_000, 2.0),
        OpTime("b", "relu", 1, 10, 5.0),
        OpTime("c", "matmul", 1, 6_000_000, 3.0),
        OpTime("d", "view", 1, 0, 0.0),
    ]
    kinds = Report("v8", 1, {}, ops).by_kind()
    assert [(kind.name, kind.count, kind.ms) for kind in kinds] == [
        ("matmul", 2, 5.0),
        ("relu", 1, 5.0),
        ("view", 1, 0.0),
    ]
    assert kinds[0].gflops == pytest.approx(2.0)
    assert kinds[-1].gflops == 0.0
