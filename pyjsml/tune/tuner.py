"""Tuning of whole models: kernel by kernel into a database, here or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pyjsml.codegen.settings import Settings
from pyjsml.errors import PyjsmlError
from pyjsml.kernels.database import Database, Row
from pyjsml.program import ISAS, Isa, Program
from pyjsml.tune.cluster import Cluster
from pyjsml.tune.hosts import check_engines, open_host
from pyjsml.tune.search import search
from pyjsml.tune.tasks import Task, tasks_of

Progress = Callable[[str, int, int], None]
Job = tuple[Task, Isa]


@dataclass(frozen=True)
class Search:
    """How to search: up to `trials` parameters per kernel, timed in `engines` for `isas`.

    No search begins, and none goes on, `seconds` after the first began. `sizes` are those of dims
    that vary. `cluster` is the address of a Ray cluster whose machines do the work.
    """

    engines: Sequence[str] = ("chromium",)
    isas: Sequence[Isa] = ISAS
    trials: int = 64
    seconds: float | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    cluster: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Rows found now, how many were known before, and problems with kernels that have no row.

    For `late` kernels there was no time left. A kernel counts once per instruction set.
    """

    rows: tuple[Row, ...]
    known: int
    problems: tuple[str, ...]
    late: int = 0


def tune(
    programs: Sequence[Program],
    file: Path,
    how: Search,
    *,
    resume: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> Outcome:
    """Tune the kernels of lowered programs into the database `file`, which may hold others.

    The file is written after each kernel, so that whatever ends the work loses none that is done.
    With `resume`, kernels that it has are left as they are. Raises OptionError where the file or an
    option is at fault, and EngineUnavailableError where an engine is missing.
    """
    database = Database.read(file) if file.exists() else Database()
    tasks = tasks_of(programs, how.sizes)
    jobs = [(task, isa) for task in tasks for isa in how.isas]
    left = [job for job in jobs if not (resume and database.find(job[0].kernel, job[1]))]
    rows, problems = [], []
    database.write(file)  # before minutes of searching, not after
    progress("tune", 0, len(left))
    run = _here if how.cluster is None else Cluster(how.cluster).run
    for done, found in enumerate(run(left, how), 1):
        if isinstance(found, Row):
            rows.append(found)
            database = Database([found]).over(database)
            database.write(file)
        else:
            problems.append(found)
        progress("tune", done, len(left))
    late = len(left) - len(rows) - len(problems)
    return Outcome(tuple(rows), len(jobs) - len(left), tuple(problems), late)


def _here(jobs: Sequence[Job], how: Search) -> Iterator[Row | str]:
    """Yield the row of each job, or what is wrong with it, until time is up."""
    check_engines(how.engines)
    end = None if how.seconds is None else time.monotonic() + how.seconds

    def late() -> bool:
        return end is not None and time.monotonic() >= end

    with ExitStack() as stack:
        hosts = [stack.enter_context(open_host(name)) for name in how.engines]
        for task, isa in jobs:
            if late():
                return
            try:
                row = search(task, isa, hosts, trials=how.trials, settings=Settings(), stop=late)
            except PyjsmlError as error:
                yield f"{task.kernel} ({isa}): {error}"
                continue
            if late() and row.parameters is None:
                return  # There may be better ones yet.
            yield row
