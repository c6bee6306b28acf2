"""The search for the parameters of one kernel."""

from __future__ import annotations

import math
import platform
import random
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from pyjsml.codegen.settings import Settings
from pyjsml.errors import PyjsmlError
from pyjsml.kernels.database import Row
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.schedule import schedule
from pyjsml.program import Isa
from pyjsml.tune.bench import Bench
from pyjsml.tune.candidates import in_order, space
from pyjsml.tune.hosts import Host
from pyjsml.tune.tasks import Task

GAIN = 0.03
"""What parameters must save to be worth a row: less is noise on most machines."""

WINS = 0.75
"""In what share of the rounds they must be faster."""

LOOKS = 4
"""How many choices are looked at per trial: many give the same code as one that was tried."""

BATCH = 8
FIRST_ROUNDS = 4
FINALISTS = 3
LAST_ROUNDS = 20


def search(
    task: Task,
    isa: Isa,
    hosts: Sequence[Host],
    *,
    trials: int,
    settings: Settings,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[int], None] = lambda tried: None,
) -> Row:
    """Try up to `trials` parameters, or all there are if they are fewer; return the best's row.

    Every batch is timed beside the cost model's own choice, and compared with it: what else the
    machine does slows both. `stop` is asked before each batch, `tell` is told how many have been
    tried. Raises PyjsmlError if not even the cost model's choice runs.
    """
    default = schedule(task.func).parameters
    assert default is not None
    harness = (resources.files(__package__) / "harness.js").read_text("utf-8")
    for host in hosts:
        host.evaluate(f"{harness}; ''")
    bench = Bench(task, isa, hosts, settings)
    generator = random.Random(f"{task.kernel} {isa}")
    bench.is_new(default)  # so that no candidate is that gives the same code
    left = [choice for choice in space(default) if choice != default]
    ratios = {default: 1.0}
    looks = LOOKS * trials
    while left and len(ratios) <= trials and looks > 0 and not stop():
        best = min(ratios, key=lambda choice: ratios[choice])
        batch: list[Parameters] = []
        for choice in in_order(left, best, generator):
            if len(batch) == min(BATCH, trials - len(ratios) + 1) or looks == 0:
                break
            looks -= 1
            left.remove(choice)
            if bench.is_new(choice):
                batch.append(choice)
        if batch:
            found = _measure(bench, default, batch, FIRST_ROUNDS)
            best_default = min(found[default])
            for choice in batch:
                ratios[choice] = min(found.get(choice, [math.inf])) / best_default
            tell(len(ratios) - 1)
    ranked = sorted(ratios, key=lambda choice: ratios[choice])
    finalists = [choice for choice in ranked[:FINALISTS] if ratios[choice] < 1]
    seconds = _measure(bench, default, finalists, LAST_ROUNDS)
    best = min(seconds, key=lambda choice: min(seconds[choice]))
    better = _beats(seconds[best], seconds[default])
    return Row(
        kernel=task.kernel,
        isa=isa,
        parameters=best if better else None,
        default_us=round(min(seconds[default]) * 1e6, 2),
        best_us=round(min(seconds[best] if better else seconds[default]) * 1e6, 2),
        trials=len(ratios) - 1,
        engine=", ".join(host.version for host in hosts),
        cpu=cpu_name(),
    )


def _beats(seconds: list[float], others: list[float]) -> bool:
    """Tell whether the least of `seconds` is much less, and most rounds agree.

    On a busy machine the least of one alone may be one that nothing has disturbed, by luck.
    """
    wins = sum(mine < other for mine, other in zip(seconds, others, strict=True))
    return min(seconds) < (1 - GAIN) * min(others) and wins >= WINS * len(seconds)


def _measure(
    bench: Bench, default: Parameters, batch: list[Parameters], rounds: int
) -> dict[Parameters, list[float]]:
    """Measure `default` and a batch; find out which of it fail to compile and leave them out."""
    try:
        return bench.measure(default, batch, rounds)
    except Exception as error:  # Of whatever class TVM or an engine raises.
        if not batch:
            raise PyjsmlError(
                "not even the cost model's own parameters can be timed: "
                f"{str(error).partition(chr(10))[0]}"
            ) from error
        middle = len(batch) // 2
        halves = (batch[:middle], batch[middle:]) if middle else ([],)
        parts = [_measure(bench, default, half, rounds) for half in halves]
        return {choice: seconds for part in parts for choice, seconds in part.items()}


def cpu_name() -> str:
    """Return what this machine's processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
