"""The measurements of dispatch: that they run what they say, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pyjsml import bundle
from pyjsml.engines import get_engine
from tests.bench.dispatch import cancel, report
from tests.bench.dispatch.from_python import MACHINES, drive
from tests.bench.dispatch.hosts import HOSTS, Task, measure
from tests.bench.dispatch.listing import Call
from tests.bench.dispatch.model import OPS_PER_STEP
from tests.bench.dispatch.results import Results, judge, judge_cancelled, tiny_task
from tests.bench.rows import Array

FEW = 8


@pytest.fixture(scope="module")
def tiny() -> tuple[Task, list[Array]]:
    return tiny_task(rounds=1, ops=FEW)


@pytest.fixture(scope="module")
def long() -> tuple[Task, list[Array]]:
    """Return ops that take a millisecond or more, so that aborts find the runs at it."""
    module = nn.Sequential(*(nn.Linear(256, 256) for _ in range(6)))
    x = torch.ones(512, 256)
    with torch.no_grad():
        expected = [module(x).numpy()]
    return Task(bundle(module, (x,), name="long-ops"), {"input": x.numpy()}, rounds=1), expected


def test_each_op_of_the_model_is_a_kernel(tiny: tuple[Task, list[Array]]) -> None:
    task, _ = tiny
    assert len(task.listing.main) == FEW
    assert len({call.kernel for call in task.listing.main}) == OPS_PER_STEP - 1
    assert len(task.blocks) == FEW // OPS_PER_STEP
    assert [step.kernel for step in task.listing.load if isinstance(step, Call)]
    for call in task.listing.main:
        assert all(0 <= offset < task.listing.bytes for offset in call.operands)


@pytest.mark.slow
@pytest.mark.parametrize("host", HOSTS)
def test_all_ways_give_what_torch_gives(host: str, tiny: tuple[Task, list[Array]]) -> None:
    if lack := get_engine(host).available():
        pytest.skip(lack)
    task, expected = tiny
    results = Results()
    times = judge(results, host, measure(host, task), expected)
    assert results.wrong == []
    assert list(times) == list(report.CONTENDERS)


@pytest.mark.slow
@pytest.mark.parametrize("host", cancel.HOSTS)
def test_aborts_leave_nothing(host: str, long: tuple[Task, list[Array]]) -> None:
    if lack := get_engine(host).available():
        pytest.skip(lack)
    task, expected = long
    results = Results()
    cancelled = cancel.cancel(host, task, aborts=3)
    judge_cancelled(results, host, cancelled, expected)
    assert results.wrong == []
    assert list(results.cancelled[host]) == list(cancel.WAYS)
    for each in cancelled.values():
        assert each.aborts == 3
        assert 0 < each.abort50 <= each.abort99
        assert each.longest > 0


def cancelled(**changes: object) -> cancel.Cancelled:
    right = {
        "aborts": 3,
        "longest": 0.8,
        "abort50": 0.1,
        "abort99": 0.5,
        "asked50": 0.4,
        "asked99": 1.25,
        "memory": [64, 64],
        "same": True,
        "results": [[0, 0, 128, 63]],
    }
    return cancel.Cancelled(**{**right, **changes})  # type: ignore[arg-type]


def test_aborts_that_leave_something_are_told() -> None:
    results = Results()
    ways = {
        "none, 1": cancelled(),
        "dispatch, 1": cancelled(memory=[64, 128]),
        "none, 2": cancelled(same=False),
        "dispatch, 2": cancelled(results=[[0, 0, 0, 64]]),
    }
    judge_cancelled(results, "node", ways, [np.ones(1, np.float32)])
    assert results.wrong == [
        "cancelled, node, dispatch, 1: memory went from 64 to 128 bytes",
        "cancelled, node, none, 2: the next run's outputs are others",
        "cancelled, node, dispatch, 2: off by 1",
    ]
    assert results.cancelled == {"node": {"none, 1": ways["none, 1"]}}


@pytest.mark.parametrize("name", MACHINES)
def test_python_gives_what_torch_gives(name: str, tiny: tuple[Task, list[Array]]) -> None:
    pytest.importorskip(name)
    task, expected = tiny
    results = Results()
    assert judge(results, name, drive(name, task), expected).keys() == {"loop"}
    assert results.wrong == []


def test_wrong_outputs_get_no_time(tiny: tuple[Task, list[Array]]) -> None:
    _, (expected,) = tiny
    right, wrong = (list(array.tobytes()) for array in (expected, -expected))
    results = Results()
    found = {
        "loop": {"ms": 1.0, "results": [right]},
        "executor": {"ms": 2.0, "results": [wrong]},
        "dispatch": {"ms": 2.0, "results": []},
    }
    assert judge(results, "v8", found, [expected]) == {"loop": 1.0}
    assert [line.partition(":")[0] for line in results.wrong] == ["v8, executor", "v8, dispatch"]


@pytest.fixture
def results() -> Results:
    return Results(
        ops=1000,
        tiny={
            "v8": {"loop": 0.02, "executor": 0.03, "dispatchSync": 0.1},
            "pythonmonkey": {"loop": 0.02, "executor": 0.03, "dispatchSync": 0.4},
        },
        python={"wasmtime": 30.0, "pythonmonkey": 1.0},
        network_ops=65,
        network={
            "v8": {"executor": 10.0, "dispatchSync": 10.1},
            "node": {"executor": 10.0, "dispatchSync": 10.5, "dispatch": 11.0},
        },
        cancelled={"node": {"none, 1": cancelled(), "dispatch, 2": cancelled(abort99=0.9)}},
    )


def cells(table: list[str], name: str) -> list[str]:
    (line,) = [line for line in table if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_tables(results: Results) -> None:
    v8 = cells(report.tiny_table(results), report.HOSTS["v8"])
    assert v8 == ["0.020", "–", "0.030", "0.100", "–", "–", "0.080", "≤ 0.25"]
    node = cells(report.network_table(results), report.HOSTS["node"])
    assert node == ["–", "–", "10.00", "10.50 (+5.0%)", "11.00 (+10.0%)", "–", "≤ +3%"]
    v8 = cells(report.network_table(results), report.HOSTS["v8"])
    assert v8[3:6] == ["10.10 (+1.0%)", "–", f"+{(0.1 - 0.03) / 1000 * 65 / 10:.2%}"]
    aborted = report.cancel_table(results)[2]
    assert aborted == "| Node | no hook | 1 | 0.10 | 0.50 | 0.40 | 1.25 | 0.80 | ≤ longest op |"
    python = report.python_table(results)
    assert cells(python, "wasmtime-py") == ["30.00", "1500×"]
    assert cells(python, "pythonmonkey") == ["1.00", "50×"]


def test_missed_goals_are_told(results: Results) -> None:
    assert report.missed(results) == [
        "SpiderMonkey in Python (pythonmonkey): a hook that does nothing adds 0.38 µs per op",
        "Node: a hook that does nothing adds 5.0%",
        "Node: with `dispatch`, threads: 2, a run takes 0.90 ms to be aborted, an op 0.80 ms",
    ]


def test_the_page_has_all_tables(results: Results) -> None:
    text = report.page(results)
    tables = (report.tiny_table, report.network_table, report.cancel_table, report.python_table)
    for table in tables:
        assert "\n".join(table(results)) in text
    assert "Left out" not in text
    results.left_out.append("wasmtime: there is none")
    assert "- wasmtime: there is none" in report.page(results)
