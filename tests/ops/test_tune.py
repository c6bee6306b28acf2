"""Tuning: what is timed is right, what is found is kept, and what goes wrong is told."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyjsml import __version__, api
from pyjsml.codegen import Settings
from pyjsml.errors import EngineError, EngineUnavailableError, OptionError, PyjsmlError
from pyjsml.kernels.database import Database, Row
from pyjsml.kernels.ops.matmul import matmul
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.schedule import schedule
from pyjsml.kernels.shape_key import shape_key
from pyjsml.program import Dim, Isa, Program
from pyjsml.tune import search as search_module
from pyjsml.tune.bench import Bench
from pyjsml.tune.cluster import Cluster, as_text, search_text
from pyjsml.tune.hosts import ENGINES, Host, open_host
from pyjsml.tune.search import search
from pyjsml.tune.tasks import Task, tasks_of
from pyjsml.tune.tuner import Search, tune
from tests.ops.functions import from_te
from tests.ops.test_compile import program_of

pytest.importorskip("py_mini_racer", reason="kernels are timed in V8: pip install mini-racer")

FUNCTION = from_te(lambda x, w: matmul(x, w, 16), ("n", 24), (2, 24, 8))
KEY = shape_key(schedule(FUNCTION))
TASK = Task(KEY, FUNCTION, (6,), 6 * 24 * 16 * 2)
PARAMETERS = schedule(FUNCTION).parameters
assert PARAMETERS is not None
ROW = Row(KEY, "simd128", PARAMETERS, 2.0, 1.0, 3, "v8 1", "CPU")


def program(function: Any = FUNCTION, most: int | None = 64) -> Program:
    made = program_of(function, inputs=2)
    return replace(made, signature=replace(made.signature, dims=(Dim("n", 2, most),)))


@pytest.fixture(params=ENGINES)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Return each engine that is here."""
    from pyjsml.engines import get_engine

    if lack := get_engine(request.param).available():
        pytest.skip(lack)
    with open_host(request.param) as made:
        yield made


@pytest.fixture
def v8() -> Iterator[Host]:
    with open_host("v8") as made:
        yield made


def test_hosts_evaluate_and_time(host: Host) -> None:
    assert host.evaluate("const a = 6; String(a * 7)") == "42"
    with pytest.raises(EngineError, match="no such thing"):
        host.evaluate("throw new Error('no such thing')")
    wait = "const end = Date.now() + 50; while (Date.now() < end);"
    # In seconds: 50 would be milliseconds.
    assert 0.03 < host.time(f"(() => {{ {wait} }})()") < 40
    assert re.match(r"(v8|node|chromium) \d+\.\d+", host.version)


def test_a_search_ends_with_a_row(host: Host) -> None:
    told: list[int] = []
    row = search(TASK, "relaxed", [host], trials=5, settings=Settings(1), tell=told.append)
    assert (row.kernel, row.isa, row.trials, told) == (KEY, "relaxed", 5, [5])
    assert row.engine == host.version
    assert row.cpu
    assert 0 < row.best_us <= row.default_us
    assert (row.parameters is not None) == (row.best_us < 0.97 * row.default_us)


def test_two_engines_count_alike(v8: Host) -> None:
    with open_host("v8") as other:
        row = search(TASK, "simd128", [v8, other], trials=1, settings=Settings(1))
    assert row.engine == f"{v8.version}, {v8.version}"


def test_a_search_can_be_stopped(v8: Host) -> None:
    row = search(TASK, "simd128", [v8], trials=9, settings=Settings(1), stop=lambda: True)
    assert (row.trials, row.parameters) == (0, None)


@pytest.mark.parametrize(
    ("mine", "others", "beats"),
    [
        ([9.0, 9.0, 9.0, 9.0], [10.0, 10.0, 10.0, 10.0], True),
        ([9.8, 9.8, 9.8, 9.8], [10.0, 10.0, 10.0, 10.0], False),  # not by much
        ([1.0, 10.5, 10.5, 10.5], [10.0, 10.0, 10.0, 10.0], False),  # but once
        ([9.0, 12.0, 9.0, 9.0], [10.0, 10.0, 10.0, 10.0], True),
    ],
)
def test_a_choice_must_win_clearly_and_mostly(
    mine: list[float], others: list[float], beats: bool
) -> None:
    assert search_module._beats(mine, others) is beats


def bench(v8: Host) -> Bench:
    v8.evaluate(Path(search_module.__file__).with_name("harness.js").read_text("utf-8") + "; ''")
    return Bench(TASK, "simd128", [v8], Settings(1))


def test_what_computes_something_else_is_not_timed(
    v8: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PARAMETERS is not None
    right, wrong = replace(PARAMETERS, rows=2), replace(PARAMETERS, rows=3)
    broken = from_te(lambda x, w: matmul(x, w, 16) + 1.0, ("n", 24), (2, 24, 8))

    def sometimes(function: Any, parameters: Parameters) -> Any:
        return schedule(broken if parameters == wrong else function, parameters)

    monkeypatch.setattr("pyjsml.tune.bench.schedule", sometimes)
    found = bench(v8).measure(PARAMETERS, [right, wrong], 1)
    assert list(found) == [PARAMETERS, right]


def test_choices_that_give_the_same_code_are_tried_once(v8: Host) -> None:
    assert PARAMETERS is not None
    made = bench(v8)
    assert made.is_new(PARAMETERS)
    assert made.is_new(PARAMETERS)  # the same choice, for the finals
    assert not made.is_new(replace(PARAMETERS, unroll=4))  # nothing of 24 trips to unroll
    assert not made.is_new(replace(PARAMETERS, panels=3))  # two panels are no multiple of three
    assert made.is_new(replace(PARAMETERS, rows=2))


def test_tasks_are_the_kernels_that_have_parameters() -> None:
    (task,) = tasks_of([program(), program()], {"n": 5})
    assert (task.kernel, task.dims) == (KEY, (5,))
    assert task.flops == 2 * tasks_of([program()], {"n": 5})[0].flops
    assert tasks_of([program()], {})[0].dims == (2,)


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(OptionError) as caught:
        tasks_of([program()], {"n": 65, "m": 3})
    assert caught.value.problems == ("n is 65; it may be 2 to 64", "there is no dim 'm'")


def test_a_database_grows_and_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Isa] = []

    def found(task: Task, isa: Isa, hosts: Any, **options: Any) -> Row:
        searched.append(isa)
        return replace(ROW, isa=isa, best_us=float(len(searched)))

    monkeypatch.setattr("pyjsml.tune.tuner.search", found)
    file = tmp_path / "tuned.jsonl"
    other = replace(ROW, kernel="another")
    Database([other]).write(file)
    told: list[tuple[str, int, int]] = []
    only = Search(["v8"], ["simd128"])
    first = tune([program()], file, only, progress=lambda *now: told.append(now))
    assert (len(first.rows), first.known, told) == (1, 0, [("tune", 0, 1), ("tune", 1, 1)])
    second = tune([program()], file, Search(["v8"]), resume=True)
    assert (len(second.rows), second.known, searched) == (1, 1, ["simd128", "relaxed"])
    tune([program()], file, only)
    rows = {(row.kernel, row.isa): row.best_us for row in Database.read(file)}
    assert rows == {("another", "simd128"): 1.0, (KEY, "relaxed"): 2.0, (KEY, "simd128"): 3.0}


def test_what_was_found_survives_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(task: Task, isa: Isa, hosts: Any, **options: Any) -> Row:
        if isa == "relaxed":
            raise KeyboardInterrupt
        return ROW

    monkeypatch.setattr("pyjsml.tune.tuner.search", found)
    with pytest.raises(KeyboardInterrupt):
        tune([program()], tmp_path / "tuned.jsonl", Search(["v8"]))
    assert list(Database.read(tmp_path / "tuned.jsonl")) == [ROW]


def test_time_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(task: Task, isa: Isa, hosts: Any, **options: Any) -> Row:
        while not options["stop"]():
            time.sleep(0.01)
        return replace(ROW, isa=isa, parameters=None)

    monkeypatch.setattr("pyjsml.tune.tuner.search", slow)
    outcome = tune([program()], tmp_path / "tuned.jsonl", Search(["v8"], seconds=0.05))
    assert (outcome.rows, outcome.late) == ((), 2)
    assert list(Database.read(tmp_path / "tuned.jsonl")) == []


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Bench, list[Any]], bool]) -> None:
    """Let `Bench.measure` raise where `fails` says so."""
    measure = Bench.measure

    def sometimes(self: Bench, default: Any, candidates: list[Any], rounds: int) -> Any:
        if fails(self, candidates):
            raise RuntimeError("LLVM gave up\nat some place")
        return measure(self, default, candidates, rounds)

    monkeypatch.setattr(Bench, "measure", sometimes)


def test_a_candidate_that_does_not_compile_is_left_out(
    v8: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda self, candidates: any(c.rows == 2 for c in candidates))
    row = search(TASK, "simd128", [v8], trials=16, settings=Settings(1))
    assert row.trials == 16
    assert row.parameters is None or row.parameters.rows != 2


def test_a_kernel_of_which_no_candidate_compiles_is_told_and_others_are_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda self, candidates: self.isa == "simd128")
    outcome = tune([program()], tmp_path / "tuned.jsonl", Search(["v8"], trials=2))
    assert [row.isa for row in outcome.rows] == ["relaxed"]
    assert outcome.problems == (
        f"{KEY} (simd128): not even the cost model's own parameters can be timed: LLVM gave up",
    )


def test_a_missing_engine_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyjsml.engines.v8.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match="pip install"):
        tune([program()], tmp_path / "tuned.jsonl", Search(["v8"]))


def test_unknown_engines_are_refused_before_the_model_is_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="chromium, node, v8\n  - there is no engine 'rhino'"):
        api.tune(["nowhere.onnx"], tmp_path / "tuned.jsonl", engines=["rhino"])


def test_tunes_a_model_for_the_next_bundle(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(40, 24)
    exported = torch.export.export(model, (torch.zeros(1, 40),))
    file = tmp_path / "tuned.jsonl"
    outcome = api.tune([exported], file, engines=["v8"], trials=2)
    assert [row.isa for row in outcome.rows] == ["simd128", "relaxed"]
    assert sorted(Database.read(file), key=lambda row: row.isa) == sorted(
        outcome.rows, key=lambda row: row.isa
    )
    assert api.bundle(exported, database=file).files


def test_functions_cross_to_other_machines_as_text() -> None:
    text = as_text(TASK)
    assert text is not None

    def send(version: str) -> str:
        return search_text(version, KEY, text, TASK.dims, "relaxed", ("v8",), 1)

    assert Row.from_json(send(__version__)).kernel == KEY
    with pytest.raises(PyjsmlError, match=r"this machine has pyjsml .*, not 0\.0\.0x"):
        send("0.0.0x")


def test_a_cluster_needs_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyjsml.tune.cluster.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match=r"pip install 'pyjsml\[cluster\]'"):
        Cluster("local")


def test_a_cluster_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyjsml.tune.cluster.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    with pytest.raises(OptionError, match=r"--cluster 127\.0\.0\.1:1: nothing answers"):
        list(Cluster("127.0.0.1:1").run([(TASK, "simd128")], Search(["v8"])))


@pytest.mark.slow
def test_a_cluster_returns_rows_and_problems(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="clusters are tested with Ray: pip install ray")
    how = Search(["v8"], ["simd128"], trials=1, cluster="local")
    outcome = tune([program()], tmp_path / "tuned.jsonl", how)
    assert [row.kernel for row in outcome.rows] == [KEY]
    broken = Task("broken", TASK.func, (), 0)  # a dim is missing
    (problem,) = Cluster("local").run([(broken, "simd128")], how)
    assert isinstance(problem, str)
    assert problem.startswith("broken (simd128): ")
