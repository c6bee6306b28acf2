"""From lowered functions to WebAssembly modules."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tvm import tirx

from pyjsml.codegen.link import link
from pyjsml.codegen.objects import Unit, unit, write_objects
from pyjsml.codegen.settings import Settings
from pyjsml.codegen.target import target
from pyjsml.kernels.int8.dot import has_words
from pyjsml.program import Isa
from pyjsml.timings import Timings

Functions = Mapping[str, tirx.PrimFunc]


def make_modules(
    lowered: Mapping[Isa, Functions],
    settings: Settings,
    timings: Timings,
    *,
    tell: Callable[[int], None] = lambda done: None,
    label: Callable[[str], str] = str,
) -> dict[Isa, bytes]:
    """Return a module for each instruction set, which exports its functions by their names.

    Functions that come out alike are compiled once. `tell` is called with how many of all have been
    compiled, and `label` says what errors call a function. Raises CompileError, and
    EngineUnavailableError if there is no linker.
    """
    with tempfile.TemporaryDirectory(prefix="pyjsml-build-") as name:
        folder = Path(name)
        units: dict[str, Unit] = {}
        exports: dict[Isa, dict[str, str]] = {}
        with timings.measure("compile: LLVM"):
            for isa, functions in lowered.items():
                made = {
                    name: _unit(func, isa, partial(label, name)) for name, func in functions.items()
                }
                exports[isa] = {name: each.key for name, each in made.items()}
                units |= {each.key: each for each in made.values()}
            for done, _ in enumerate(write_objects(units, folder, settings)):
                tell(done + 1)
        with timings.measure("compile: linking"):
            return {isa: link(folder, keys) for isa, keys in exports.items()}


def _unit(func: tirx.PrimFunc, isa: Isa, label: Callable[[], str]) -> Unit:
    return unit(func, target(isa, reduction=not has_words(func.body)), label)
