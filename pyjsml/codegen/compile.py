"""The compile stage: every function of a program in both instruction sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from tvm import tirx

from pyjsml.codegen.build import build
from pyjsml.codegen.link import link
from pyjsml.codegen.lowering import lower
from pyjsml.codegen.target import target
from pyjsml.codegen.unsupported import unsupported
from pyjsml.codegen.workspace import with_workspaces
from pyjsml.dims import Expr
from pyjsml.errors import UnsupportedOpError
from pyjsml.kernels.describe import describe, workspace_bytes
from pyjsml.kernels.schedule import schedule
from pyjsml.program import ISAS, Isa, Kernel, Program

Progress = Callable[[int, int, str], None]


def compile(program: Program, progress: Progress | None = None) -> Program:
    """Add `kernels` and `wasm`; an op whose kernel borrows memory gets it as further outputs.

    `progress(done, total, name)` is called as each kernel is lowered and each module is built.
    Raises UnsupportedOpError, with every function at fault, for what has no code in a bundle, and
    EngineUnavailableError if there is no linker.
    """
    _refuse_unsupported(program)
    total = len(program.functions) + len(ISAS)
    tell = progress or (lambda done, total, name: None)
    kernels: dict[str, Kernel] = {}
    borrowed: dict[str, list[Expr]] = {}
    lowered: dict[str, tirx.PrimFunc] = {}
    for number, (name, func) in enumerate(program.functions.items()):
        tell(number, total, name)
        scheduled = schedule(func)
        kernels[name] = describe(name, scheduled)
        borrowed[name] = workspace_bytes(scheduled)
        lowered[name] = lower(name, scheduled, shared=bool(kernels[name].inplace))
    wasm: dict[Isa, bytes] = {}
    for number, isa in enumerate(ISAS):
        tell(len(lowered) + number, total, isa)
        wasm[isa] = link(build(lowered, target(isa)), list(lowered))
    tell(total, total, "")
    return replace(
        program,
        lowered=with_workspaces(program.graph, kernels, borrowed),
        kernels=MappingProxyType(kernels),
        wasm=MappingProxyType(wasm),
    )


def _refuse_unsupported(program: Program) -> None:
    problems = []
    ops = [*program.graph.load.ops, *program.graph.main.ops]
    for name, func in program.functions.items():
        lacks = unsupported(func)
        if lacks:
            users = [op for op in ops if op.kernel == name]
            where = ", ".join(str(op.origins[-1]) if op.origins else op.name for op in users)
            kind = users[0].kind if users else name
            problems.append(f"{kind} ({len(users)}×) needs {', '.join(lacks)}: {where}")
    if problems:
        raise UnsupportedOpError("pyjsml has no code for these operators:", problems)
