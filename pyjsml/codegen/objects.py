"""The object files of a build: each kernel's from the cache, or made by LLVM on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvm import tirx

from pyjsml.codegen.blame import blaming
from pyjsml.codegen.build import build, for_target
from pyjsml.codegen.keys import content_key
from pyjsml.codegen.processes import can_fork, forked
from pyjsml.codegen.settings import Settings

FORK_FROM = 8
"""How many kernels a copy of the process must have to compile to be worth starting: LLVM takes some
20 ms for one, and a copy takes some 30 ms to start."""


@dataclass(frozen=True)
class Unit:
    """A function on its way to an object file, which defines it under the name `key`.

    `label` returns what errors call it.
    """

    label: Callable[[], str]
    key: str
    func: tirx.PrimFunc
    target: Any
    size: int

    def build(self, folder: Path) -> None:
        """Write the object file into `folder`."""
        with blaming(self.label):
            build(self.func, self.key, self.target, folder / f"{self.key}.o")


def unit(func: tirx.PrimFunc, target: Any, label: Callable[[], str] = lambda: "a kernel") -> Unit:
    """Return the unit of `func`, a result of `lower`. Raises CompileError."""
    with blaming(label):
        func = for_target(func, target)
        script = func.script()
        return Unit(label, content_key(func, script, target), func, target, len(script))


def write_objects(units: Mapping[str, Unit], folder: Path, settings: Settings) -> Iterator[str]:
    """Write the object file `KEY.o` of each unit into `folder`; yield each key when it is there."""
    cache = settings.cache
    missing = []
    for key in units:
        known = cache.get(key) if cache is not None else None
        if known is None:
            missing.append(key)
        else:
            (folder / f"{key}.o").write_bytes(known)
            yield key
    for key in _built([units[key] for key in missing], folder, settings.jobs):
        if cache is not None:
            cache.put(key, (folder / f"{key}.o").read_bytes())
        yield key
    if cache is not None and missing:
        cache.trim()


def _built(units: list[Unit], folder: Path, jobs: int) -> Iterator[str]:
    """Build each unit and yield its key."""
    left = set(range(len(units)))
    jobs = min(jobs, len(units) // FORK_FROM)
    if jobs > 1 and can_fork():
        # The largest first, so that none of them is what all wait for at the end.
        order = sorted(left, key=lambda number: (-units[number].size, number))
        for number in forked(order, lambda number: units[number].build(folder), jobs):
            left.remove(number)
            yield units[number].key
    for number in sorted(left):
        units[number].build(folder)
        yield units[number].key
