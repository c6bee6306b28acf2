"""Tuning on the machines of a Ray cluster, one kernel at a time on each."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import tvm

from pyjsml import __version__
from pyjsml.codegen.objects import unit
from pyjsml.codegen.settings import Settings
from pyjsml.codegen.target import target
from pyjsml.errors import EngineUnavailableError, OptionError, PyjsmlError
from pyjsml.kernels.database import Row
from pyjsml.kernels.schedule import schedule
from pyjsml.program import Isa
from pyjsml.tune.bench import lowered
from pyjsml.tune.hosts import check_engines, open_host
from pyjsml.tune.search import search
from pyjsml.tune.tasks import Task

if TYPE_CHECKING:
    from pyjsml.tune.tuner import Job, Search

CORES = 2
"""What a search takes of a machine: one to time kernels on, and one to compile the next ones and to
leave to the system. A machine with more of them runs several searches, each on cores of its own."""


CONNECT_SECONDS = 10


class Cluster:
    """A Ray cluster, whose machines have the same pyjsml installed and the engines to time in."""

    def __init__(self, address: str) -> None:
        if find_spec("ray") is None:
            raise EngineUnavailableError(
                "Ray, which reaches the cluster, is not installed: pip install 'pyjsml[cluster]'"
            )
        self._address = address

    def run(self, jobs: Sequence[Job], how: Search) -> Iterator[Row | str]:
        """Yield the row of each job, or what is wrong with it, as they come in, until time is up.

        Raises OptionError if there is no cluster at the address.
        """
        import ray

        _check_address(self._address)
        try:
            ray.init(address=self._address, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise OptionError(f"--cluster {self._address}: {error}") from error
        try:
            yield from self._run(ray, jobs, how)
        finally:
            ray.shutdown()

    def _run(self, ray: Any, jobs: Sequence[Job], how: Search) -> Iterator[Row | str]:
        end = None if how.seconds is None else time.monotonic() + how.seconds
        remote = ray.remote(num_cpus=CORES, max_retries=0)(search_text)
        waiting: dict[Any, str] = {}
        for task, isa in jobs:
            name = f"{task.kernel} ({isa})"
            text = as_text(task)
            if text is None:
                yield f"{name}: it can't be sent to another machine; tune it without --cluster"
                continue
            engines, trials = tuple(how.engines), how.trials
            sent = remote.remote(__version__, task.kernel, text, task.dims, isa, engines, trials)
            waiting[sent] = name
        while waiting:
            left = None if end is None else max(0.0, end - time.monotonic())
            ready, _ = ray.wait(list(waiting), timeout=left)
            if not ready:
                return
            for each in ready:
                name = waiting.pop(each)
                try:
                    yield Row.from_json(ray.get(each))
                except ray.exceptions.RayError as error:
                    # The last line of the remote traceback is the error itself.
                    yield f"{name}: {str(error).strip().splitlines()[-1]}"


def _check_address(address: str) -> None:
    """Raise OptionError if nothing answers at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # one of the names that Ray has for clusters on this machine
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise OptionError(f"--cluster {address}: nothing answers there ({error})") from error


def as_text(task: Task) -> str | None:
    """Return the function of `task` as text, if what is read back gives the same code."""
    text: str = task.func.script()
    try:
        read = tvm.script.from_source(text)
    except Exception:  # Of whatever class TVM's parser raises.
        return None
    keys = {unit(lowered(schedule(func)), target("simd128")).key for func in (task.func, read)}
    return text if len(keys) == 1 else None


def search_text(
    version: str,
    kernel: str,
    text: str,
    dims: tuple[int, ...],
    isa: Isa,
    engines: tuple[str, ...],
    trials: int,
) -> str:
    """Search on this machine for a function given as text; return its row as JSON.

    Raises PyjsmlError where this machine has another pyjsml, lacks an engine, or can't compile it.
    """
    if version != __version__:
        raise PyjsmlError(f"this machine has pyjsml {__version__}, not {version}")
    check_engines(engines)
    task = Task(kernel, tvm.script.from_source(text), dims, 0)
    with ExitStack() as stack:
        hosts = [stack.enter_context(open_host(name)) for name in engines]
        return search(task, isa, hosts, trials=trials, settings=Settings(jobs=1)).to_json()
