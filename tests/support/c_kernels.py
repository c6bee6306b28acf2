"""Kernels written in C, for programs small enough to write by hand."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from pyjsml.program import Isa


@cache
def compile_c(source: str, isa: Isa, *defines: str) -> bytes:
    """Return the module that `source` makes: it imports its memory, as pyjsml's kernels do.

    `defines` are macros, as in `NAME=text`. A function is exported if the source says so.
    """
    features = "+simd128" if isa == "simd128" else "+simd128+relaxed_simd"
    with tempfile.TemporaryDirectory() as folder:
        file, linked = Path(folder) / "kernels.c", Path(folder) / "kernels.wasm"
        file.write_text(source, "utf-8")
        command = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding"]
        flags = [f"-mcpu=generic{features}+mutable_globals", "-O2", "-s", "-nostdlib"]
        exports = [f"-Wl,--export={name}" for name in ("__heap_base", "__stack_pointer")]
        link = ["-Wl,--no-entry", "-Wl,--import-memory", *exports, "-o", str(linked)]
        macros = [f"-D{define}" for define in defines]
        subprocess.run(
            [*command, *flags, *macros, str(file), *link], check=True, capture_output=True
        )
        return linked.read_bytes()
