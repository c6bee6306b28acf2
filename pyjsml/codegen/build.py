"""LLVM: lowered functions to an object file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tvm
from tvm import tirx


def build(functions: Mapping[str, tirx.PrimFunc], target: Any) -> bytes:
    """Return the object file that holds `functions`."""
    module = tirx.transform.BindTarget(target)(tvm.IRModule(dict(functions)))
    module = tirx.transform.LowerIntrin()(module)
    library = tvm.get_global_func("target.build.llvm")(module, target)
    with tempfile.TemporaryDirectory(prefix="pyjsml-build-") as folder:
        path = Path(folder, "kernels.o")
        library.write_to_file(str(path), "o")
        return path.read_bytes()
