"""An executor of the user's own as part of the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pyjsml.emit.npm import RUNTIME_ENTRY, default_package_name
from pyjsml.emit.types import index_types
from pyjsml.modules import declare, read_modules
from pyjsml.modules.graph import RUNTIME
from pyjsml.templating import render

if TYPE_CHECKING:
    from pyjsml.program import Program

FOLDER = "executor"


@dataclass(frozen=True)
class OwnExecutor:
    """The files of an executor, by path in the package."""

    entry: str
    """The path of the module that has it as its default export, from the package's folder."""
    types: str | None
    """That of its declarations, if it has some; else it is declared as any executor is."""
    script: str
    """As an expression of a classic script: the runtime -> the default export."""
    files: Mapping[str, str]


def own_executor(
    program: Program, file: Path, name: str | None, runtime: Literal["vendored", "external"]
) -> OwnExecutor:
    """Read the executor in `file` for the package of `program`, which is lowered already.

    `name` and `runtime` are as for `emit`. Raises what `read_modules` and `declare` do.
    """
    package = default_package_name(program.name) if name is None else name
    modules = read_modules(file, package)
    module = f"../runtime/{RUNTIME_ENTRY}" if runtime == "vendored" else RUNTIME
    index = render("index.d.ts.jinja", index_types(program, "Generated", RUNTIME, None))
    declarations = declare(modules, package, index, module)
    files = {**modules.link(module), **declarations}
    types = next(iter(declarations), None)
    return OwnExecutor(
        f"{FOLDER}/{modules.entry}",
        f"{FOLDER}/{types}" if types else None,
        modules.script,
        {f"{FOLDER}/{path}": text for path, text in sorted(files.items())},
    )
