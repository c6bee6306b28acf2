"""LLVM: a lowered function to an object file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tvm
from tvm import tirx

from pyjsml.kernels.int8.dot import widened
from pyjsml.kernels.ops.saturate import narrowed


def for_target(func: tirx.PrimFunc, target: Any) -> tirx.PrimFunc:
    """Return `func` with the intrinsics that LLVM has for `target`."""
    func = narrowed(func)
    if "+relaxed-simd" not in target.attrs["mattr"]:
        func = widened(func)
    module = tirx.transform.BindTarget(target)(tvm.IRModule({"kernel": func}))
    return tirx.transform.LowerIntrin()(module)["kernel"]


def build(func: tirx.PrimFunc, symbol: str, target: Any, file: Path) -> None:
    """Write the object file whose function `symbol` is `func`, a result of `for_target`."""
    module = tvm.IRModule({symbol: func.with_attr("global_symbol", symbol)})
    tvm.get_global_func("target.build.llvm")(module, target).write_to_file(str(file), "o")
