"""How the bench judges and reports what it has measured."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from pyjsml.bench.page import bundle_contender, bundle_pages
from pyjsml.bench.statistics import Times
from pyjsml.emit import emit
from tests.bench import cache, document, report, webgl2
from tests.bench import results as module
from tests.bench.graphs import graph_pages
from tests.bench.models.catalogue import MODELS
from tests.bench.models.export import write_onnx
from tests.bench.results import Results
from tests.bench.rows import Array, deviation
from tests.bench.runner import Found
from tests.bench.starts import HINTED, hinted
from tests.support.tiny import tiny_program


def took(ms: float) -> dict[str, Any]:
    return {"times": asdict(Times.of([ms])), "memory": 2_000_000, "deviation": 0.0}


@pytest.fixture
def results() -> Results:
    ops = [
        {"op": "a", "kind": "conv2d", "flops": 3_000_000, "ms": 3.0},
        {"op": "b", "kind": "conv2d", "flops": 1_000_000, "ms": 1.0},
        {"op": "c", "kind": "pool", "flops": 0, "ms": 0.0},
    ]
    made = Results("a machine", "1.2", {"onnxruntime-web": "9"}, "digest")
    contenders = {"pyjsml": took(10.0), "onnxruntime-web": took(20.0), "litert": took(5.0)}
    made.add(Found("resnet18", 1, contenders, ops))
    made.add(Found("gemm", 1, {"pyjsml": took(4.0), "litert": took(2.0)}))
    wrong = {"error": "wrong: off by 0.5"}
    made.add(Found("mlp", 1, {"pyjsml": took(1.0), "onnxruntime-web": took(8.0), "tfjs": wrong}))
    started = {"times": asdict(Times.of([30.0])), "opened": 5.0, "code": 9000, "compressed": 3000}
    made.starts["mlp"] = {"pyjsml": started, HINTED: started}
    made.builds["mlp"] = {"cold": 3.21, "warm": 1.0}
    return made


def row(table: list[str], name: str) -> list[str]:
    (line,) = [line for line in table if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_gains_and_speeds(results: Results) -> None:
    table = report.times_table(report.races(results, 1))
    cells = row(table, "resnet18")
    speed = 2 * MODELS["resnet18"].multiply_adds / 10.0 / 1e6
    limit = 2 * MODELS["gemm"].multiply_adds / 2.0 / 1e6
    assert cells[-4:] == ["0.50×", "2.00×", f"{speed:.1f}", f"{speed / limit:.0%}"]
    assert row(table, "mlp")[5] == "–"
    assert "| ---" not in "".join(table)
    text = report.means(report.races(results, 1))
    assert "2.00× the speed of the best peer (least 0.50×)" in text
    assert "4.00× the speed of ORT Web (least 2.00×)" in text


def test_builds(results: Results) -> None:
    assert row(report.builds_table(results), "mlp") == ["mlp", "3.2", "1.0"]


def test_starts(results: Results) -> None:
    table = report.starts_table(results)
    assert "| mlp | pyjsml | 30 (30–30) | 5 | 9 | 3 |" in table
    assert "| mlp | pyjsml, hinted | 30 (30–30) | 5 | 9 | 3 |" in table


def test_hints_name_files_of_the_bundle() -> None:
    bundle = emit(tiny_program())
    contender = hinted(bundle_contender(bundle, "pyjsml", None, 1), bundle)
    named = re.findall('href="(.*?)"', contender.head)
    files = ("index.js", "runtime/index.js", "model.relaxed.wasm", "weights.safetensors")
    assert named == [f"/bundle/{path}" for path in files]
    assert {*named} <= {*bundle_pages(bundle)}


def test_families(results: Results) -> None:
    table = report.families_table(report.races(results, 1))
    assert row(table, "conv2d")[1:5] == ["2", "4.00", "100.0%", "1.0"]
    assert row(table, "pool")[1:5] == ["1", "0.00", "0.0%", "0.0"]


def test_wrong_numbers_are_told(results: Results) -> None:
    found = report.races(results, 1)
    assert report.wrong(found) == ["mlp, TF.js: wrong: off by 0.5"]
    assert report.left_out(results) == ["- TF.js: mlp (1 thread): wrong: off by 0.5"]


def test_a_new_race_replaces_the_old(results: Results) -> None:
    results.add(Found("mlp", 1, {"pyjsml": took(2.0)}))
    (found,) = [race for race in results.races if race["row"] == "mlp"]
    assert found["contenders"]["pyjsml"]["times"]["median"] == 2.0


def test_writes_the_page(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "FILE", tmp_path / "speed.md")
    document.write(results)
    text = (tmp_path / "speed.md").read_text("utf-8")
    for title in ("One thread", "By kind of op", "Memory", "Cold start", "Bundling", "Left out"):
        assert f"\n## {title}\n" in text
    assert "Two threads" not in text
    assert document.SHORTFALLS.read_text("utf-8").strip() in text


def test_results_that_no_longer_hold_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (cache.ROOT / "node_modules" / "onnxruntime-web").is_dir():
        pytest.skip("the peers' npm packages are not installed")
    monkeypatch.setattr(module, "digest", lambda _: "of the sources")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "FILE", tmp_path / "results.json")
    first = Results.here("1.2")
    first.add(Found("mlp", 1))
    first.save()
    assert Results.here("1.2").races == first.races
    assert Results.here("1.3").races == []
    monkeypatch.setattr(module, "digest", lambda _: "of other sources")
    assert Results.here("1.2").races == []


def test_deviation() -> None:
    expected: list[Array] = [np.array([1.0, -4.0], np.float32), np.array([[2, 8]], np.int64)]
    same = [array.tobytes() for array in expected]
    assert deviation(same, expected, exact=True) == 0
    off = [np.array([1.0, -3.0], np.float32).tobytes(), same[1]]
    assert deviation(off, expected, exact=True) == pytest.approx(0.25)
    assert deviation(off, expected, exact=False) == pytest.approx(0)
    assert deviation(same[:1], expected, exact=True) == float("inf")
    nan = [np.array([np.nan, 0.0], np.float32).tobytes(), same[1]]
    assert deviation(nan, expected, exact=True) == float("inf")


def test_cached_files_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FOLDER", tmp_path)
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("x")

    first = cache.cached("kind", "name", "key1", make, ".txt")
    assert cache.cached("kind", "name", "key1", make, ".txt") == first
    assert len(made) == 1
    second = cache.cached("kind", "name", "key2", make, ".txt")
    assert second.exists()
    assert not first.exists()


def test_graph_pages(tmp_path: Path) -> None:
    write_onnx("mlp", tmp_path / "mlp.onnx")
    pages = graph_pages(tmp_path / "mlp.onnx", "/g")
    graph = json.loads(pages["/g/graph.json"])
    assert graph["inputs"] == ["pixels"]
    assert graph["outputs"] == ["logits"]
    assert [node["op"] for node in graph["nodes"]] == ["Gemm", "Relu", "Gemm"]
    constants = load(pages["/g/constants"])
    named = {name for node in graph["nodes"] for name in node["inputs"] if name in constants}
    assert sorted(constants[name].shape for name in named) == [(10,), (10, 256), (256,), (256, 784)]


def test_webgl_back_ends_are_compared_with_the_best_of_each_row() -> None:
    def each(ms: float, first: float) -> dict[str, Any]:
        times = {"times": asdict(Times.of([first]))}
        return {**took(ms), "textures": 3_000_000, "start": times}

    found = {
        "mlp": {"pyjsml": each(10, 100), "tfjs": each(20, 50), "onnxruntime-web": each(40, 400)},
        "gemm": {"pyjsml": each(10, 100), "tfjs": {"error": "wrong: off by 0.5"}},
    }
    assert "has 2.00× its speed" in webgl2.means(found)
    assert "the first result 0.50× as fast (least 0.50×)" in webgl2.means(found)
    table = webgl2.table(found)
    assert "| mlp | pyjsml | 10 | 10–10 | 100 | 3.0 |" in table
    assert "| gemm | TF.js | – | | | |" in table
    assert webgl2.absent(found) == ["- gemm, TF.js: wrong: off by 0.5"]
