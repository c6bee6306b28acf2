"""Compile a model: the stages from what a front end reads to a scheduled program."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from pyjsml.cache import ObjectCache
from pyjsml.errors import OptionError
from pyjsml.kernels.database import Database
from pyjsml.program import DEVICES
from pyjsml.timings import Timings
from pyjsml.verify import verify

if TYPE_CHECKING:
    from pyjsml.frontend.options import Dims, Inputs
    from pyjsml.program import Program

STAGES = ("load", "optimize", "lower", "compile", "schedule")
"""The stages that make a program, in order."""

Progress = Callable[[str, int, int], None]
"""Called with a stage, how many of its parts are done, and how many there are."""


class BuildOptions(TypedDict, total=False):
    """How a model is compiled; every option may be left out."""

    inputs: Inputs | None
    """Dtypes and shapes, instead of what the model says of its inputs."""
    dims: Dims | None
    """Bounds, instead of what the model says of its dims."""
    jobs: int | None
    """How many processes compile; one per core by default."""
    cache: bool
    """Whether to keep what is compiled, and use what was kept; True by default."""
    database: str | os.PathLike[str] | None
    """The file of what tuning has found, to go before what comes with pyjsml."""
    devices: Sequence[str]
    """What to compile for, of `pyjsml.program.DEVICES`; `wasm` always is, and alone by default."""


def compile_stages(
    source: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    inputs: Inputs | None = None,
    dims: Dims | None = None,
    jobs: int | None = None,
    cache: bool = True,
    database: str | os.PathLike[str] | None = None,
    devices: Sequence[str] = ("wasm",),
    progress: Progress | None = None,
    timings: Timings | None = None,
) -> Iterator[Program]:
    """Yield the program as each of STAGES leaves it; what is not asked for is not computed.

    `source`, `args` and `kwargs` are as for `pyjsml.bundle`, the options as for BuildOptions.
    """
    unknown = [f"there is no device {device!r}" for device in devices if device not in DEVICES]
    if unknown:
        raise OptionError(f"the devices are: {', '.join(DEVICES)}", unknown)
    tell = progress or silent
    timings = timings or Timings()
    if jobs is not None and jobs < 1:
        raise OptionError(f"jobs is {jobs}; at least one process must compile")
    objects = ObjectCache.open() if cache else None
    tuned = Database.shipped()
    if database is not None:
        tuned = Database.read(Path(database)).over(tuned)

    def finished(stage: str, program: Program) -> Program:
        tell(stage, 1, 1)
        return verify(stage, program)

    tell("load", 0, 1)
    with timings.measure("load"):
        from pyjsml.frontend import load

        program = load(source, args=args, kwargs=kwargs, inputs=inputs, dims=dims)
    yield finished("load", program)
    tell("optimize", 0, 1)
    with timings.measure("optimize"):
        from pyjsml.optimize import optimize

        program = optimize(program, devices)
    yield finished("optimize", program)
    with timings.measure("lower"):
        from pyjsml.lower import lower

        program = lower(program)
    yield finished("lower", program)
    from pyjsml.codegen import Settings, available_cores, compile

    program = compile(
        program,
        progress=lambda done, total: tell("compile", done, total),
        devices=devices,
        settings=Settings(jobs or available_cores(), objects, tuned),
        timings=timings,
    )
    yield finished("compile", program)
    with timings.measure("schedule"):
        from pyjsml.schedule import schedule

        program = schedule(program)
    yield finished("schedule", program)


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
