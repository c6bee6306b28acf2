"""The modules of an executor: the user's file, and what it imports."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyjsml.errors import ExecutorError
from pyjsml.modules.reader import Language, Reader

RUNTIME = "pyjsml"
"""What a module imports the runtime as."""
LANGUAGES: Mapping[str, Language] = {
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
}
WRITTEN = {".ts": ".js", ".mts": ".mjs"}


@dataclass(frozen=True)
class Module:
    """A module as JavaScript. `texts` has a specifier between each two, that of `targets`."""

    source: Path
    texts: tuple[str, ...]
    targets: tuple[str, ...]
    """RUNTIME, or another module: `./` and its path in the folder of all."""


@dataclass(frozen=True)
class Modules:
    """An executor's file and the files that it imports, as JavaScript, by path in their folder."""

    entry: str
    modules: Mapping[str, Module]
    script: str
    """All of it as an expression of a classic script: the runtime -> the default export."""

    def link(self, runtime: str) -> dict[str, str]:
        """Return the ES modules by path.

        `runtime` is what they import it as: its path from their folder (`../runtime/index.js`), or
        the name of a package.
        """
        return {
            path: join(
                module.texts,
                [
                    specifier(path, runtime if target == RUNTIME else target)
                    for target in module.targets
                ],
            )
            for path, module in self.modules.items()
        }


def read_modules(file: Path, package: str) -> Modules:
    """Read the executor in `file` and what it imports: the runtime, and files of its folder.

    The runtime is `pyjsml`, or `PACKAGE/runtime`, where `package` is the bundle's name. Raises
    ExecutorError where a file can't be read, is malformed, or imports anything else, and where
    `file` has no default export; it lists every problem.
    """
    with Reader() as reader:
        graph = _Graph(reader, file, package)
        entry, exports = graph.add(file)
        if not graph.problems and "default" not in exports:
            graph.problems.append(
                f"{file} has no default export; write `export default` before a class that extends "
                "Executor, or before policies"
            )
        if graph.problems:
            raise _error(file, graph.problems)
        plain = {
            path: join(module.texts, [target.removeprefix("./") for target in module.targets])
            for path, module in graph.modules.items()
        }
        made = reader.bundle(plain, entry)
    if "fault" in made:
        raise _error(file, [_fault(graph.modules[made["file"]].source, made["fault"])])
    return Modules(entry, graph.modules, made["script"])


class _Graph:
    """The modules found so far."""

    def __init__(self, reader: Reader, file: Path, package: str) -> None:
        self.reader = reader
        self.root = file.parent.resolve()
        self.runtimes = (RUNTIME, f"{package}/runtime")
        self.modules: dict[str, Module] = {}
        self.problems: list[str] = []

    def add(self, file: Path) -> tuple[str, list[str]]:
        """Read `file` and what it imports; return its path among the modules, and its exports."""
        path = self._path(file)
        language = LANGUAGES.get(file.suffix)
        if language is None:
            self.problems.append(f"{file} is no module: its name ends in none of {_suffixes()}")
            return path, []
        try:
            source = file.read_text(encoding="utf-8")
        except OSError as error:
            self.problems.append(f"{file} can't be read: {error.strerror or error}")
            return path, []
        except UnicodeDecodeError:
            self.problems.append(f"{file} can't be read: it is not UTF-8 text")
            return path, []
        found = self.reader.read(source, language)
        if "fault" in found:
            self.problems.append(_fault(file, found["fault"]))
            return path, []
        texts = tuple(found["texts"])
        # What it imports may import it in turn.
        self.modules[path] = Module(file, texts, ())
        targets = [self._target(file, **each) for each in found["imports"]]
        self.modules[path] = Module(file, texts, tuple(targets))
        return path, found["exports"]

    def _target(self, file: Path, specifier: str, line: int) -> str:
        """Return what `specifier` stands for, and read it where it is a file."""
        where = f"{file}:{line} imports {specifier!r}"
        if specifier in self.runtimes:
            return RUNTIME
        if not specifier.startswith(("./", "../")):
            self.problems.append(
                f"{where}, which is neither {RUNTIME!r} nor a file beside it ('./…'); a bundler "
                f"can put it into the file (esbuild --bundle --format=esm --external:{RUNTIME})"
            )
            return specifier
        target = _existing(file.parent / specifier)
        if target is None:
            self.problems.append(f"{where}, and there is no such file")
            return specifier
        if not target.resolve().is_relative_to(self.root):
            self.problems.append(f"{where}, which is outside of {self.root}")
            return specifier
        path = self._path(target)
        return f"./{path if path in self.modules else self.add(target)[0]}"

    def _path(self, file: Path) -> str:
        resolved = file.resolve()
        name = resolved.with_suffix(WRITTEN.get(file.suffix, file.suffix))
        return name.relative_to(self.root).as_posix()


def _existing(file: Path) -> Path | None:
    """Return `file`, or what it is compiled from; TypeScript names a module as it will be."""
    candidates = [file, *(file.with_suffix(ts) for ts, js in WRITTEN.items() if js == file.suffix)]
    return next(filter(Path.is_file, candidates), None)


def specifier(path: str, target: str) -> str:
    """Return what the module `path` imports `target` as, itself a path from the folder of all.

    The name of a package, which does not begin with a dot, is what it is everywhere.
    """
    if not target.startswith("."):
        return target
    found = posixpath.relpath(target, posixpath.dirname(path) or ".")
    return found if found.startswith("../") else f"./{found}"


def join(texts: Sequence[str], specifiers: Sequence[str]) -> str:
    """Put `specifiers` between the texts of a module."""
    quoted = [*(f'"{each}"' for each in specifiers), ""]
    return "".join(part for pair in zip(texts, quoted, strict=True) for part in pair)


def _fault(file: Path, fault: Mapping[str, Any]) -> str:
    place = ":".join(str(fault[key]) for key in ("line", "column") if key in fault)
    return f"{file}:{place}: {fault['message']}" if place else f"{file}: {fault['message']}"


def _error(file: Path, problems: list[str]) -> ExecutorError:
    return ExecutorError(f"{file} is no executor", problems)


def _suffixes() -> str:
    return ", ".join(LANGUAGES)
