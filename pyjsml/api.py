"""The Python API: `bundle` compiles, `Executor` runs, `check` compares."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from pyjsml.build import STAGES, BuildOptions, Progress, compile_stages, silent
from pyjsml.bundle import Bundle
from pyjsml.errors import OptionError
from pyjsml.executor import Executor, read_executor
from pyjsml.kernels.database import Database
from pyjsml.timings import Timings

if TYPE_CHECKING:
    from pyjsml.check import Report
    from pyjsml.engines.precision import Precision
    from pyjsml.frontend.options import Dims, Inputs
    from pyjsml.program import Array, Isa
    from pyjsml.tune.tuner import Outcome

__all__ = ["STAGES", "Executor", "Progress", "bundle", "check", "compile_stages", "tune"]


def bundle(
    source: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    version: str = "0.0.0",
    runtime: Literal["vendored", "external"] = "vendored",
    executor: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    timings: Timings | None = None,
    **options: Unpack[BuildOptions],
) -> Bundle:
    """Compile a model into a bundle, the files of a typed npm package.

    `source` is an nn.Module with the example `args` and `kwargs` of its forward, an
    ExportedProgram, a ScriptModule, or what the command line takes: the path of an `.onnx`,
    `.pt2`, `.pt` or `.jit` file, or `package.module:callable`. `name` and `version` are the npm
    package's. `executor` is a file of JavaScript or TypeScript that exports an executor by default,
    as for `Executor`: the package brings it along, and its `createExecutor` makes it. Its types
    become those of the package; TypeScript's compiler, from npm, has to be there for a `.ts` file.
    The `options` are those of `pyjsml.build.BuildOptions`; `inputs` and `dims` override
    what the model says of its inputs and of the bounds of its dims (`pyjsml.frontend.options`
    parses their text forms).

    Raises ModelError where the model can't be read, UnsafeModelError where reading it would run its
    code, UnsupportedOpError with every operator that has no kernel, OptionError where an option
    does not fit the model, and ExecutorError where the executor is at fault.
    """
    from pyjsml.emit import emit
    from pyjsml.emit.executor import own_executor
    from pyjsml.emit.npm import check_package

    check_package(name, version)  # before minutes of compiling, not after
    timings = timings or Timings()
    stages = compile_stages(source, args, kwargs, progress=progress, timings=timings, **options)
    own = None
    for stage, program in zip(STAGES, stages, strict=True):
        # Once its ops are known, and before minutes of compiling.
        if stage == "lower" and executor is not None:
            own = own_executor(program, Path(executor), name, runtime)
    from pyjsml.frontend.provenance import provenance

    tell = progress or silent
    tell("emit", 0, 1)
    with timings.measure("emit"):
        made = emit(
            program,
            package_name=name,
            version=version,
            runtime=runtime,
            provenance=provenance(source),
            executor=own,
        )
    tell("emit", 1, 1)
    return made


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
    return tune(programs, file, how, resume=resume, progress=progress or silent)


def check(
    bundle: Bundle | str | os.PathLike[str],
    *,
    vectors: str | os.PathLike[str] | Mapping[str, Array] | None = None,
    reference: Any = None,
    args: Sequence[Any] | None = None,
    engines: Sequence[str] = ("pythonmonkey",),
    isas: Sequence[Isa | None] = (None,),
    devices: Sequence[str] = ("wasm",),
    precisions: Sequence[Precision] = ("float32",),
    executor: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Compare what engines compute with test vectors, or with the model in its own framework.

    `vectors` is an `.npz` file or a mapping, with the keys `in:NAME` and `out:NAME`; `reference` is
    a model as for `bundle` (an nn.Module with `args`). Given both, the vectors decide, and the
    reference serves to name the first op that diverges. Each of the `precisions` is
    checked on webgl2. `executor` is as for `Executor`. See `pyjsml.check.check` for the errors.
    """
    from pyjsml.check import check as compare_engines

    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    found = None
    if reference is not None:
        from pyjsml.frontend.reference import open_reference

        # Exported with other dims, a model's nodes may have other names.
        inputs, dims = _signature(opened.model)
        try:
            found = open_reference(reference, args=args, inputs=inputs, dims=dims)
        except OptionError as error:
            raise OptionError(
                "the reference is not the model of this bundle: their inputs differ",
                error.problems or [str(error)],
            ) from error
    return compare_engines(
        opened,
        vectors=vectors,
        reference=found,
        engines=engines,
        isas=isas,
        devices=devices,
        precisions=precisions,
        modules=read_executor(opened, executor),
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
