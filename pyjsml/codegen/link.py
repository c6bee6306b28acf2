"""Linking: an object file of kernels to a WebAssembly module that imports only its memory."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pyjsml.errors import EngineUnavailableError, PyjsmlError

STACK_BYTES = 128 * 1024
"""Room for the temporaries of one kernel, which never calls another one."""

MAX_MEMORY = 2**32
"""All that 32 bits address. Only a file that names a maximum can run on a shared memory."""


def link(kernels: bytes, exports: Sequence[str]) -> bytes:
    """Return a module that exports the functions `exports`, `__heap_base` and `__stack_pointer`.

    The stack lies below the data and both below `__heap_base`. Raises EngineUnavailableError if
    there is no linker.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise EngineUnavailableError(
            "There is no linker for WebAssembly: the Python package ziglang, which carries "
            "wasm-ld, is not installed. Install it with `pip install ziglang`."
        )
    with tempfile.TemporaryDirectory(prefix="pyjsml-link-") as folder:
        Path(folder, "kernels.o").write_bytes(kernels)
        # A model has hundreds of kernels: their names go in a file, not on the command line.
        Path(folder, "exports").write_text("".join(f"--export={name}\n" for name in exports))
        command = [
            *[sys.executable, "-m", "ziglang", "wasm-ld"],
            *["--no-entry", "--import-memory", "--strip-all", "--gc-sections", "-O2"],
            *["--stack-first", "-z", f"stack-size={STACK_BYTES}", f"--max-memory={MAX_MEMORY}"],
            *["--export=__heap_base", "--export=__stack_pointer"],
            *["@exports", "-o", "module.wasm", "kernels.o"],
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PyjsmlError(f"wasm-ld could not link the kernels: {done.stderr.strip()}")
        return Path(folder, "module.wasm").read_bytes()
