"""`pyjsml tune`: its options, and what it says. Searching is tested elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pyjsml import api
from pyjsml.cli import main
from pyjsml.cli.tune import summary
from pyjsml.kernels.database import Row
from pyjsml.kernels.parameters import Parameters
from pyjsml.program import TensorSpec
from pyjsml.tune.tuner import Outcome

PARAMETERS = Parameters(rows=4, panels=2, unroll=3, block=7, by_column=True, splits=1)
BETTER = Row("matmul a", "relaxed", PARAMETERS, 20.0, 10.0, 30, "v8 1", "CPU")
SAME = Row("matmul b", "simd128", None, 30.0, 29.5, 30, "v8 1", "CPU")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tune", *arguments])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Find two rows in every model; return what the search was asked for."""
    found: dict[str, Any] = {}

    def tune(sources: Any, database: Path, **options: Any) -> Outcome:
        found.update(options, sources=sources, database=database)
        return Outcome(
            (BETTER, SAME), 3, ("conv2d c (relaxed): it broke",) * found.get("broken", 0)
        )

    monkeypatch.setattr(api, "tune", tune)
    return found


def test_options_reach_the_search(asked: dict[str, Any]) -> None:
    result = invoke(
        "a.onnx", "b.onnx", "--engine", "v8,chromium", "--isa", "relaxed", "--trials", "7",
        "--time", "1.5m", "--size", "seq=128", "--input", "ids=int64[1,seq]", "--dim", "seq=1:512",
        "--database", "mine.jsonl", "--resume", "--cluster", "10.0.0.1:6379",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    del asked["progress"]
    assert asked == {
        "sources": ("a.onnx", "b.onnx"),
        "database": Path("mine.jsonl"),
        "inputs": {"ids": TensorSpec("ids", "int64", (1, "seq"))},
        "dims": {"seq": (1, 512)},
        "engines": ("v8", "chromium"),
        "isas": ("relaxed",),
        "trials": 7,
        "seconds": 90.0,
        "sizes": {"seq": 128},
        "resume": True,
        "cluster": "10.0.0.1:6379",
    }


def test_shows_what_is_faster_and_what_is_not(asked: dict[str, Any]) -> None:
    result = invoke("a.onnx")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "matmul a relaxed 20.0 10.0 50% less" in lines
    assert "matmul b simd128 30.0 30.0 as good as any" in lines
    assert "1 of 2 kernels can be faster, 3 were known; see tuned.jsonl" in lines


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome((), 0, ()), "there is nothing to tune: no kernel here has parameters"),
        (Outcome((), 4, ()), "4 were known"),
        (Outcome((), 0, (), late=6), "time was up before 6 more"),
        (
            Outcome((SAME,), 0, (), late=5),
            "0 of 1 kernels can be faster, time was up before 5 more",
        ),
        (Outcome((), 0, ("conv2d c (relaxed): it broke",)), "no kernel could be timed"),
    ],
)
def test_says_why_kernels_were_not_searched(outcome: Outcome, said: str) -> None:
    assert summary(outcome) == said


def test_kernels_that_failed_are_named(asked: dict[str, Any]) -> None:
    asked["broken"] = 1
    result = invoke("a.onnx")
    assert result.exit_code == 1
    assert "conv2d c (relaxed): it broke" in result.stdout


def test_the_result_as_json(asked: dict[str, Any]) -> None:
    found = json.loads(invoke("a.onnx", "--json").stdout)
    assert (found["known"], found["problems"], found["late"]) == (3, [], 0)
    assert [Row.from_json(json.dumps(row)) for row in found["rows"]] == [BETTER, SAME]
