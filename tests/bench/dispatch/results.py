"""What dispatch costs, as numbers: measured in every host, with all outputs compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from pyjsml import Bundle, bundle
from pyjsml.errors import EngineUnavailableError
from tests.bench.cache import PYJSML, cached, digest
from tests.bench.dispatch import cancel
from tests.bench.dispatch.from_python import MACHINES, drive
from tests.bench.dispatch.hosts import Task, measure
from tests.bench.dispatch.model import OPS, TinyOps, blocks, example
from tests.bench.rows import Array, Row, deviation

TOLERANCE = 1e-3
NETWORK = "mobilenet_v2"
MODEL = "tests/bench/dispatch/model.py"

T = TypeVar("T")

Times = dict[str, float]
"""Least milliseconds per run, by contender."""


@dataclass
class Results:
    """Times by host, of both models; what could not be measured, and what gave wrong numbers."""

    ops: int = 0
    """How many kernels a run of the tiny ops calls."""
    tiny: dict[str, Times] = field(default_factory=dict)
    python: dict[str, float] = field(default_factory=dict)
    """Least milliseconds per run of the tiny ops, driven from Python, by what runs the kernels."""
    network_ops: int = 0
    network: dict[str, Times] = field(default_factory=dict)
    cancelled: dict[str, dict[str, cancel.Cancelled]] = field(default_factory=dict)
    """What aborting runs of MobileNetV2 took, by host and way."""
    left_out: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def collect(
    hosts: Sequence[str], rounds: int, tell: Callable[[str], None], network: bool = True
) -> Results:
    """Measure in each of `hosts`, and from Python; MobileNetV2 too, if `network` says so."""
    results = Results()
    task, expected = tiny_task(rounds)
    results.ops = len(task.listing.main)
    for host in hosts:
        tell(f"{results.ops} tiny ops, {host}")
        if found := _try(results, host, measure, task):
            results.tiny[host] = judge(results, f"tiny ops, {host}", found, expected)
    for name in MACHINES:
        tell(f"{results.ops} tiny ops from Python, {name}")
        if found := _try(results, name, drive, task):
            times = judge(results, f"tiny ops from Python, {name}", found, expected)
            results.python |= {name: times["loop"]} if times else {}
    if network:
        row = Row(NETWORK)
        task = Task(row.bundle(), row.inputs(), rounds)
        results.network_ops = len(task.listing.main)
        for host in hosts:
            tell(f"{NETWORK}, {host}")
            if found := _try(results, host, measure, task):
                results.network[host] = judge(results, f"{NETWORK}, {host}", found, row.expected())
        for host in (host for host in hosts if host in cancel.HOSTS):
            tell(f"{NETWORK}, cancelled, {host}")
            if cancelled := _try(results, host, cancel.cancel, task):
                judge_cancelled(results, host, cancelled, row.expected())
    return results


def tiny_task(rounds: int, ops: int = OPS) -> tuple[Task, list[Array]]:
    """Return the model of tiny ops as a task, and what eager torch gives."""
    module = TinyOps(ops).eval()
    inputs = example()
    with torch.no_grad():
        expected = [module(inputs).numpy()]

    def make(path: Path) -> None:
        bundle(module, (inputs,), name="tiny-ops").write(path)

    key = digest((*PYJSML, MODEL), str(ops).encode())
    made = Bundle.open(cached("bundle", f"tiny_{ops}", key, make))
    return Task(made, {"x": inputs.numpy()}, rounds, blocks(ops)), expected


def _try(results: Results, name: str, action: Callable[[str, Task], T], task: Task) -> T | None:
    try:
        return action(name, task)
    except (EngineUnavailableError, ImportError) as error:
        if (line := f"{name}: {error}") not in results.left_out:
            results.left_out.append(line)
        return None


def judge(
    results: Results, name: str, found: Mapping[str, Mapping[str, Any]], expected: Sequence[Array]
) -> Times:
    """Return the times of those contenders whose outputs are right; tell of the others."""
    times: Times = {}
    for contender, each in found.items():
        outputs = [np.array(data, np.uint8).tobytes() for data in each["results"]]
        off = deviation(outputs, expected, exact=True)
        if off <= TOLERANCE:
            times[contender] = each["ms"]
        else:
            results.wrong.append(f"{name}, {contender}: off by {off:.2g}")
    return times


def judge_cancelled(
    results: Results,
    host: str,
    cancelled: Mapping[str, cancel.Cancelled],
    expected: Sequence[Array],
) -> None:
    """Keep what aborts took where they leave nothing and outputs are right; tell of the others."""
    kept = results.cancelled.setdefault(host, {})
    for way, each in cancelled.items():
        found = {way: {"ms": each.abort99, "results": each.results}}
        name = f"cancelled, {host}"
        results.wrong += [f"{name}, {way}: {change}" for change in each.leaves]
        if judge(results, name, found, expected) and not each.leaves:
            kept[way] = each
