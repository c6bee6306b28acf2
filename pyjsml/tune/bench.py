"""Candidates for one kernel, compiled into one module and run side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from tvm import tirx

from pyjsml.codegen.lowering import lower
from pyjsml.codegen.modules import make_modules
from pyjsml.codegen.objects import unit
from pyjsml.codegen.settings import Settings
from pyjsml.codegen.target import target
from pyjsml.dims import Expr, evaluate
from pyjsml.kernels.describe import describe, dim_names
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.schedule import schedule
from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.kernels.tir.expression import dtype, item_bytes
from pyjsml.program import Isa
from pyjsml.timings import Timings
from pyjsml.tune.hosts import Host
from pyjsml.tune.tasks import Task

SLICE_SECONDS = 0.004
"""How long a kernel runs at a time: long beside a clock's grain, short beside what disturbs it."""

PAGE = 65536
SPARE = 4 * 1024 * 1024
"""Room for the stack, for constants, and for the gaps between operands."""


class Bench:
    """Times parameters of one kernel for one instruction set, in all of `hosts`."""

    def __init__(self, task: Task, isa: Isa, hosts: Sequence[Host], settings: Settings) -> None:
        self._task = task
        self.isa = isa
        self._hosts = hosts
        self._settings = settings
        self._known: dict[str, Parameters] = {}

    def is_new(self, choice: Parameters) -> bool:
        """Tell whether `choice` applies, and gives code that no other choice has given."""
        scheduled = schedule(self._task.func, choice)
        if scheduled.parameters != choice:
            return False
        key = unit(lowered(scheduled), target(self.isa)).key
        return self._known.setdefault(key, choice) == choice

    def measure(
        self, default: Parameters, candidates: Sequence[Parameters], rounds: int
    ) -> dict[Parameters, list[float]]:
        """Return the seconds that a call takes in each of so many `rounds`.

        In a round all run one after the other. What computes something else than `default` has
        none.
        """
        made = {choice: schedule(self._task.func, choice) for choice in (default, *candidates)}
        names = {f"kernel_{number}": choice for number, choice in enumerate(made)}
        reference = next(iter(names))
        for host in self._hosts:
            arguments = f"{self._module(names, made)}, {self._plan(names, made)}"
            host.evaluate(f"pyjsmlTune.load({arguments})")
            names = {
                name: choice
                for name, choice in names.items()
                if host.evaluate(f"pyjsmlTune.check('{name}')") == "right"
            }
        times = {host: self._times(host, reference) for host in self._hosts}
        found: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds):
            for name, seconds in found.items():
                each = [self._run(host, name, times[host]) for host in self._hosts]
                seconds.append(sum(each) / len(each))
        return {choice: found[name] for name, choice in names.items()}

    def _times(self, host: Host, name: str) -> int:
        """Return how many calls take as long as a slice."""
        once = min(self._run(host, name, 1) for _ in range(3))
        return max(1, math.ceil(SLICE_SECONDS / max(once, 1e-7)))

    def _run(self, host: Host, name: str, times: int) -> float:
        return host.time(f"pyjsmlTune.run('{name}', {times})") / times

    def _module(self, names: dict[str, Parameters], made: dict[Parameters, Scheduled]) -> str:
        functions = {name: lowered(made[choice]) for name, choice in names.items()}
        wasm = make_modules({self.isa: functions}, self._settings, Timings())[self.isa]
        return json.dumps(list(wasm))

    def _plan(self, names: dict[str, Parameters], made: dict[Parameters, Scheduled]) -> str:
        """Return what `harness.js` has to know of the operands."""
        extents = {name: self._extent(made[choice]) for name, choice in names.items()}
        first = next(iter(made.values()))
        function = first.stages
        assert function is not None
        buffers: list[dict[str, Any]] = [
            {
                "bytes": self._evaluate(first, buffer.shape[0]) * item_bytes(dtype(buffer)),
                "dtype": dtype(buffer),
                "role": "output" if param in function.outputs else "input",
            }
            for buffer, param in zip(first.params, function.params, strict=False)
        ]
        total = sum(buffer["bytes"] for buffer in buffers)
        return json.dumps(
            {
                "buffers": buffers,
                "dims": self._task.dims,
                "extents": extents,
                "pages": (total + SPARE) // PAGE,
                "reference": next(iter(names)),
            }
        )

    def _extent(self, scheduled: Scheduled) -> int:
        return self._bound(scheduled, describe("kernel", scheduled).extent)

    def _evaluate(self, scheduled: Scheduled, size: Any) -> int:
        return self._bound(scheduled, to_expr(size, dim_names(scheduled)))

    def _bound(self, scheduled: Scheduled, size: Expr) -> int:
        names = dim_names(scheduled).values()
        return evaluate(size, dict(zip(names, self._task.dims, strict=True)))


def lowered(scheduled: Scheduled) -> tirx.PrimFunc:
    """Return what LLVM is given for `scheduled`."""
    return lower(scheduled, shared=bool(describe("kernel", scheduled).inplace))
