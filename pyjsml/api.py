"""The Python API: `bundle` compiles, `Executor` runs, `check` compares."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from pyjsml.bundle import Bundle
from pyjsml.cache import ObjectCache
from pyjsml.errors import OptionError
from pyjsml.kernels.database import Database
from pyjsml.timings import Timings
from pyjsml.verify import verify

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.check import Report
    from pyjsml.frontend.options import Dims, Inputs
    from pyjsml.program import Array, Isa, Program
    from pyjsml.tune.tuner import Outcome

STAGES = ("load", "optimize", "lower", "compile", "schedule")
"""The stages that make a program, in order."""
DEVICES = ("wasm",)

Progress = Callable[[str, int, int], None]
"""Called with a stage, how many of its parts are done, and how many there are."""


def bundle(
    source: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    inputs: Inputs | None = None,
    dims: Dims | None = None,
    name: str | None = None,
    version: str = "0.0.0",
    devices: Sequence[str] = DEVICES,
    runtime: Literal["vendored", "external"] = "vendored",
    jobs: int | None = None,
    cache: bool = True,
    database: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    timings: Timings | None = None,
) -> Bundle:
    """Compile a model into a bundle, the files of a typed npm package.

    `source` is an nn.Module with the example `args` and `kwargs` of its forward, an
    ExportedProgram, a ScriptModule, or what the command line takes: the path of an `.onnx`,
    `.pt2`, `.pt` or `.jit` file, or `package.module:callable`. `inputs` and `dims` override what
    the model says of its inputs and of the bounds of its dims (`pyjsml.frontend.options` parses
    their text forms). `name` and `version` are the npm package's.

    Raises ModelError where the model can't be read, UnsafeModelError where reading it would run its
    code, UnsupportedOpError with every operator that has no kernel, and OptionError where an option
    does not fit the model.
    """
    unknown = [device for device in devices if device not in DEVICES]
    if unknown:
        problems = [f"there is no device {device!r}" for device in unknown]
        raise OptionError(f"the devices are: {', '.join(DEVICES)}", problems)
    from pyjsml.emit import emit
    from pyjsml.emit.npm import check_package

    check_package(name, version)  # before minutes of compiling, not after
    timings = timings or Timings()
    *_, program = compile_stages(
        source,
        args,
        kwargs,
        inputs=inputs,
        dims=dims,
        jobs=jobs,
        cache=cache,
        database=database,
        progress=progress,
        timings=timings,
    )
    from pyjsml.frontend.provenance import provenance

    tell = progress or _silent
    tell("emit", 0, 1)
    with timings.measure("emit"):
        made = emit(
            program,
            package_name=name,
            version=version,
            runtime=runtime,
            provenance=provenance(source),
        )
    tell("emit", 1, 1)
    return made


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
    progress: Progress | None = None,
    timings: Timings | None = None,
) -> Iterator[Program]:
    """Yield the program as each of STAGES leaves it; what is not asked for is not computed."""
    tell = progress or _silent
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

        program = optimize(program)
    yield finished("optimize", program)
    with timings.measure("lower"):
        from pyjsml.lower import lower

        program = lower(program)
    yield finished("lower", program)
    from pyjsml.codegen import Settings, available_cores, compile

    program = compile(
        program,
        progress=lambda done, total: tell("compile", done, total),
        settings=Settings(jobs or available_cores(), objects, tuned),
        timings=timings,
    )
    yield finished("compile", program)
    with timings.measure("schedule"):
        from pyjsml.schedule import schedule

        program = schedule(program)
    yield finished("schedule", program)


def tune(
    sources: Sequence[Any],
    database: str | os.PathLike[str],
    *,
    inputs: Inputs | None = None,
    dims: Dims | None = None,
    engines: Sequence[str] = ("chromium",),
    isas: Sequence[Isa] = ("simd128", "relaxed"),
    trials: int = 64,
    seconds: float | None = None,
    sizes: Mapping[str, int] | None = None,
    resume: bool = False,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Search for the parameters with which the kernels of models run fastest.

    `sources`, `inputs` and `dims` are as for `bundle`. What is found goes into the file `database`,
    for `bundle` to read, as soon as a kernel is done; with `resume`, kernels that it has are left.
    `sizes` are those of dims that vary; for the rest see `pyjsml.tune.tuner.Search`. Raises what
    `bundle` does, and EngineUnavailableError where an engine is absent.
    """
    from pyjsml.tune.hosts import ENGINES

    unknown = [f"there is no engine {name!r}" for name in engines if name not in ENGINES]
    if unknown or not engines:
        raise OptionError(f"kernels can be timed in: {', '.join(ENGINES)}", unknown)
    file = Path(database)
    if file.exists():
        Database.read(file)  # before minutes of searching, not after
    programs = []
    for source in sources:
        stages = compile_stages(source, inputs=inputs, dims=dims)
        programs.append(next(itertools.islice(stages, STAGES.index("lower"), None)))
    from pyjsml.tune.tuner import Search, tune

    how = Search(engines, isas, trials, seconds, sizes or {}, cluster)
    return tune(programs, file, how, resume=resume, progress=progress or _silent)


class Executor:
    """A bundle running in an engine of this process or beside it. Use it in a `with` statement.

    `engine` is one of `pyjsml.engines.ENGINES` by name; `isa` forces one of the bundle's two wasm
    files, which else the engine's abilities decide; `threads` is how many may share its kernels.
    Raises EngineUnavailableError, with how to get it, where the engine is absent, and OptionError
    where it has fewer threads.
    """

    def __init__(
        self,
        bundle: Bundle | str | os.PathLike[str],
        engine: str = "pythonmonkey",
        *,
        isa: Isa | None = None,
        threads: int = 1,
    ) -> None:
        from pyjsml.engines import get_engine

        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        self._session = get_engine(engine).open(opened, isa=isa, threads=threads)

    def run(self, /, **inputs: ArrayLike) -> dict[str, Array]:
        """Run the model on arrays by input name; return its outputs by name.

        For inputs whose names are no Python identifiers, write `run(**{"input.1": array})`. Raises
        InputError with every input that is missing, misnamed, or of the wrong dtype or shape.
        """
        return self._session.run(inputs)

    def close(self) -> None:
        """Free what the executor holds. Closing it again does nothing."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def check(
    bundle: Bundle | str | os.PathLike[str],
    *,
    vectors: str | os.PathLike[str] | Mapping[str, Array] | None = None,
    reference: Any = None,
    args: Sequence[Any] | None = None,
    engines: Sequence[str] = ("pythonmonkey",),
    isas: Sequence[Isa | None] = (None,),
    devices: Sequence[str] = DEVICES,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Compare what engines compute with test vectors, or with the model in its own framework.

    `vectors` is an `.npz` file or a mapping, with the keys `in:NAME` and `out:NAME`; `reference` is
    a model as for `bundle` (an nn.Module with `args`). Given both, the vectors decide, and the
    reference serves to name the first op that diverges. See `pyjsml.check.check` for the errors.
    """
    from pyjsml.check import check as compare_engines

    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    found = None
    if reference is not None:
        from pyjsml.frontend.reference import open_reference

        # Exported with other dims, a model's nodes may have other names.
        inputs, dims = _signature(opened.model)
        found = open_reference(reference, args=args, inputs=inputs, dims=dims)
    return compare_engines(
        opened,
        vectors=vectors,
        reference=found,
        engines=engines,
        isas=isas,
        devices=devices,
        progress=progress,
    )


def _signature(model: Mapping[str, Any]) -> tuple[Inputs, Dims]:
    """Return what the model was bundled for, as `open_reference` takes it."""
    from pyjsml.dims import from_json
    from pyjsml.program import TensorSpec

    inputs = {
        port["name"]: TensorSpec(port["name"], port["dtype"], tuple(map(from_json, port["shape"])))
        for port in model["inputs"]
    }
    return inputs, {dim["name"]: (dim["min"], dim["max"]) for dim in model["dims"]}


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
