"""The compile stage: every function of a program in both instruction sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from tvm import tirx

from pyjsml.codegen.blame import blaming, users
from pyjsml.codegen.lowering import lower
from pyjsml.codegen.modules import make_modules
from pyjsml.codegen.settings import Settings
from pyjsml.codegen.tuned import schedules
from pyjsml.codegen.unsupported import unsupported
from pyjsml.codegen.webgl2 import Shaders, make_shaders
from pyjsml.codegen.workspace import with_workspaces
from pyjsml.dims import Expr
from pyjsml.errors import UnsupportedOpError
from pyjsml.kernels.describe import describe, workspace_bytes
from pyjsml.program import ISAS, Isa, Kernel, Program
from pyjsml.timings import Timings

Progress = Callable[[int, int], None]


def compile(
    program: Program,
    progress: Progress | None = None,
    *,
    devices: Sequence[str] = ("wasm",),
    settings: Settings | None = None,
    timings: Timings | None = None,
) -> Program:
    """Add `kernels` and `wasm`; an op whose kernel borrows memory gets it as further outputs.

    If `webgl2` is among the `devices`, also add `shaders` and `unshaded`; wasm always is.
    `progress(done, total)` is called as kernels are scheduled and compiled. Without `settings`, all
    cores are used and nothing is kept for later builds. Raises UnsupportedOpError, with every
    function at fault, for what has no code in a bundle, CompileError where TVM or LLVM gives up,
    and EngineUnavailableError if there is no linker.
    """
    _refuse_unsupported(program)
    timings = timings or Timings()
    count = len(program.functions)
    total = count * (1 + len(ISAS)) + 1
    tell = progress or (lambda done, total: None)
    kernels: dict[str, Kernel] = {}
    borrowed: dict[str, list[Expr]] = {}
    lowered: dict[Isa, dict[str, tirx.PrimFunc]] = {isa: {} for isa in ISAS}
    settings = settings or Settings()
    with timings.measure("compile: scheduling"):
        for number, (name, func) in enumerate(program.functions.items()):
            tell(number, total)
            with blaming(partial(users, program, name)):
                made = schedules(func, settings.tuned)
                kernels[name] = describe(name, made["relaxed"])
                borrowed[name] = workspace_bytes(made["relaxed"])
                shared = bool(kernels[name].inplace)
                once = {id(scheduled): scheduled for scheduled in made.values()}
                loops = {each: lower(scheduled, shared=shared) for each, scheduled in once.items()}
            for isa, scheduled in made.items():
                lowered[isa][name] = loops[id(scheduled)]
    shaders = Shaders({}, {})
    if "webgl2" in devices:
        with timings.measure("compile: shaders"):
            shaders = make_shaders(program, borrowed, settings.cache)
    wasm = make_modules(
        lowered,
        settings,
        timings,
        tell=lambda done: tell(count + done, total),
        label=partial(users, program),
    )
    tell(total, total)
    return replace(
        program,
        lowered=with_workspaces(program.graph, kernels, borrowed),
        kernels=MappingProxyType(kernels),
        wasm=MappingProxyType(wasm),
        devices=tuple(devices),
        shaders=shaders.made,
        unshaded=shaders.refused,
    )


def _refuse_unsupported(program: Program) -> None:
    problems = []
    for name, func in program.functions.items():
        lacks = unsupported(func)
        if lacks:
            problems.append(f"{', '.join(lacks)} in {users(program, name)}")
    if problems:
        raise UnsupportedOpError("pyjsml has no code for these operators:", problems)
