"""Linking: object files of kernels to a WebAssembly module that imports only its memory."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pyjsml.codegen.exports import rename_exports
from pyjsml.errors import EngineUnavailableError, PyjsmlError

STACK_BYTES = 384 * 1024
"""Room for the temporaries of one kernel, which never calls another one."""

MAX_MEMORY = 2**32
"""All that 32 bits address. Only a file that names a maximum can run on a shared memory."""

EMPTY = b"\0asm\1\0\0\0\0\x09\x07linking\x02\0\x22\x0ftarget_features\x01+\x0fmutable-globals"
"""An object file that defines nothing: a model that only renames its inputs has no kernels, and the
linker wants a file."""


def link(folder: Path, exports: Mapping[str, str]) -> bytes:
    """Return a module of the object files `KEY.o` in `folder`, linked there.

    It exports `__heap_base`, `__stack_pointer` and the functions of `exports`, the key of each by
    its name. The stack lies below the data and both below `__heap_base`. Raises
    EngineUnavailableError if there is no linker.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise EngineUnavailableError(
            "There is no linker for WebAssembly: the Python package ziglang, which carries "
            "wasm-ld, is not installed. Install it with `pip install ziglang`."
        )
    names: dict[str, list[str]] = {}
    for name, key in exports.items():
        names.setdefault(key, []).append(name)
    # A model has hundreds of kernels: their names go in a file, not on the command line.
    lines = [f"--export={key}\n{key}.o\n" for key in names]
    (folder / "kernels").write_text("".join(lines) or "empty.o")
    (folder / "empty.o").write_bytes(EMPTY)
    command = [
        *[sys.executable, "-m", "ziglang", "wasm-ld"],
        *["--no-entry", "--import-memory", "--strip-all", "--gc-sections", "-O2"],
        *["--stack-first", "-z", f"stack-size={STACK_BYTES}", f"--max-memory={MAX_MEMORY}"],
        *["--export=__heap_base", "--export=__stack_pointer"],
        *["@kernels", "-o", "module.wasm"],
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PyjsmlError(f"wasm-ld could not link the kernels: {done.stderr.strip()}")
    return rename_exports((folder / "module.wasm").read_bytes(), names)
