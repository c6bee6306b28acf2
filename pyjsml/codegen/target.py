"""The LLVM target of each instruction set."""

from __future__ import annotations

from typing import Any

import tvm

from pyjsml.program import Isa

FEATURES = ("+simd128", "+bulk-memory", "+nontrapping-fptoint", "+sign-ext")
"""What every engine with SIMD also has."""


OPTIONS = (
    "-vectorize-loops:bool=false",
    "-interleave-loops:bool=false",
    "-enable-tbaa:bool=false",
)
"""Options of LLVM.

Schedules choose the vectors; were LLVM to vectorise the outermost loop besides, the rounding of an
element would depend on which slice of the loop it is in. And TVM tells LLVM that buffers of
different element types never overlap, while an output may lie where an input of another type does:
loads and stores that LLVM then swaps would read what has been overwritten.
"""


NO_REDUCTION = "-disable-lsr:bool=true"
"""Leaves out LLVM's strength reduction. That takes it for granted that a load adds a constant to
its address for nothing, and then writes the addition so that WebAssembly has to make it apart.
Products of floats wait for their multiplications either way, and are 3 % faster with it."""


def target(isa: Isa, *, reduction: bool = True) -> Any:
    """Return the target that turns TIR into WebAssembly with the opcodes of `isa`.

    `reduction` says whether LLVM reduces the strength of what is worked out of a loop's variable.
    """
    extra = ("+relaxed-simd",) if isa == "relaxed" else ()
    return tvm.target.Target(
        {
            "kind": "llvm",
            "mtriple": "wasm32-unknown-unknown",
            "mattr": [*FEATURES, *extra],
            "vector-width": 128,
            "cl-opt": [*OPTIONS, *([] if reduction else [NO_REDUCTION])],
        }
    )
