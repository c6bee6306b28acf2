"""The types of an executor, for the `index.d.ts` of its package."""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeVar

from pyjsml.errors import EngineUnavailableError, ExecutorError
from pyjsml.files import walk
from pyjsml.modules.graph import LANGUAGES, RUNTIME, WRITTEN, Modules, join, specifier
from pyjsml.modules.reader import Reader
from pyjsml.resources import resource_directory

SUFFIXES = {".js": ".d.ts", ".mjs": ".d.mts"}
PathT = TypeVar("PathT", bound=PurePath)
INDEX = "../index.js"
"""Where the package's types are from the folder of its executor."""
_DIAGNOSTIC = re.compile(r"^(.+?)\((\d+),(\d+)\): error \w+: (.*)$", re.MULTILINE)


def declare(modules: Modules, package: str, index: str, runtime: str) -> dict[str, str]:
    """Return the declarations of `modules` as files, by path beside them; for no types, none.

    TypeScript's come from its compiler, which checks the modules against the types of `package`,
    `index`, written for the runtime of npm. JavaScript's lie beside its files, or there are none.
    `runtime` is as for `Modules.link`. Raises ExecutorError with every type error, and with every
    import that a package would lack; EngineUnavailableError where the compiler is not there.
    """
    if any(LANGUAGES[each.source.suffix] == "typescript" for each in modules.modules.values()):
        texts = _compile(modules, package, index)
    else:
        texts = dict(_beside(modules))
    files: dict[str, str] = {}
    problems = []
    with Reader() as reader:
        read = {path: reader.read(text, "declarations") for path, text in texts.items()}
    for path, found in read.items():
        name = _declaration(PurePosixPath(path)).as_posix()
        if "fault" in found:
            problems.append(f"{name}: {found['fault']['message']}")
            continue
        targets = []
        for each in found["imports"]:
            target = _target(path, each["specifier"], package, runtime, texts)
            if target is None:
                problems.append(
                    f"{name}:{each['line']} imports {each['specifier']!r}, which the package lacks"
                )
            targets.append(target or "")
        files[name] = join(found["texts"], [specifier(path, target) for target in targets])
    if problems:
        raise ExecutorError("the executor's types do not fit into a package", problems)
    return files


def _target(
    path: str, imported: str, package: str, runtime: str, texts: Mapping[str, str]
) -> str | None:
    """Return what a declaration of the module `path` imports, from the folder of all modules."""
    if imported in (RUNTIME, f"{package}/runtime"):
        return runtime
    if imported == package:
        return INDEX
    found = PurePosixPath(posixpath.normpath(posixpath.join(posixpath.dirname(path), imported)))
    written = found.with_suffix(WRITTEN.get(found.suffix, found.suffix)).as_posix()
    return f"./{written}" if imported.startswith(".") and written in texts else None


def _beside(modules: Modules) -> Iterator[tuple[str, str]]:
    """Yield the declarations that lie beside JavaScript files, if the first has some."""
    if not _declaration(modules.modules[modules.entry].source).is_file():
        return
    for path, module in modules.modules.items():
        file = _declaration(module.source)
        try:
            yield path, file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ExecutorError(f"{file} can't be read: {error}") from error


def _compile(modules: Modules, package: str, index: str) -> dict[str, str]:
    """Return the declarations of the modules, the first first, and of all whose types they use."""
    first = modules.modules[modules.entry].source
    root = first.parent.resolve()
    compiler = _compiler(first)
    with tempfile.TemporaryDirectory(prefix="pyjsml-") as name:
        folder = Path(name).resolve()
        _write_project(folder, root, modules, package, index)
        done = subprocess.run(
            [compiler, "-p", ".", "--pretty", "false"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            problems = [
                f"{_shown(folder / file, root, first)}:{line}:{column}: {message}"
                for file, line, column, message in _DIAGNOSTIC.findall(done.stdout)
            ] or [(done.stdout + done.stderr).strip()]
            raise ExecutorError(f"the types of {first} do not fit", problems)
        made = {
            _module(path): (folder / "types" / path).read_text("utf-8")
            for path in walk(folder / "types")
        }
    return {modules.entry: made.pop(modules.entry), **made}


def _write_project(folder: Path, root: Path, modules: Modules, package: str, index: str) -> None:
    """Write what the compiler is to know besides the sources: the types that they may import."""
    shutil.copytree(resource_directory("runtime") / "runtime", folder / "runtime")
    (folder / "index.d.ts").write_text(index, "utf-8")
    runtime = ["./runtime/index.d.ts"]
    options = {
        "target": "ES2022",
        "lib": ["ES2022", "ESNext.Disposable", "DOM"],
        "module": "ESNext",
        "moduleResolution": "bundler",
        "paths": {RUNTIME: runtime, f"{package}/runtime": runtime, package: ["./index.d.ts"]},
        "types": [],
        "strict": True,
        "skipLibCheck": True,
        "allowJs": True,
        "allowImportingTsExtensions": True,
        "declaration": True,
        "emitDeclarationOnly": True,
        "rootDir": str(root),
        "outDir": "types",
    }
    sources = [str(module.source.resolve()) for module in modules.modules.values()]
    config = {"compilerOptions": options, "files": sources}
    (folder / "tsconfig.json").write_text(json.dumps(config), "utf-8")


def _shown(file: Path, root: Path, first: Path) -> Path:
    """Return the path of a source as the user would write it."""
    found = file.resolve()
    return first.parent / found.relative_to(root) if found.is_relative_to(root) else found


def _module(path: str) -> str:
    """Return the path of the module that the declarations `path` are of."""
    suffix = next(suffix for suffix, end in SUFFIXES.items() if path.endswith(end))
    return path.removesuffix(SUFFIXES[suffix]) + suffix


def _compiler(file: Path) -> str:
    """Find TypeScript's compiler: of the npm project that `file` or this process is in, or any."""
    for folder in (*file.resolve().parents, Path.cwd(), *Path.cwd().parents):
        if found := shutil.which(folder / "node_modules" / ".bin" / "tsc"):
            return found
    if found := shutil.which("tsc"):
        return found
    raise EngineUnavailableError(
        f"the types of {file} take TypeScript's compiler, and there is no tsc: run `npm install "
        "--save-dev typescript` beside the file, or give JavaScript, with its types beside it "
        "(own.js, own.d.ts) if they matter"
    )


def _declaration(path: PathT) -> PathT:
    """Return the path of the declarations of the module `path`, which is JavaScript's."""
    return path.with_suffix(SUFFIXES[path.suffix])
