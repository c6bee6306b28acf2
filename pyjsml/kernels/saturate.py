"""Bytes of 32-bit integers by the instructions that narrow and saturate.

LLVM writes a conversion to fewer than 16 bytes as a shuffle of 16 places, which takes an engine on
x86 several instructions and constants. Where a value is kept within a byte's range first, what
saturates in narrowing gives the same, and does the keeping as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm_ffi
from tvm import tirx

from pyjsml.kernels.expression import constant, dtype, integer

_LANES = 4


def within(value: Any, kind: str) -> Any:
    """Return an int32 as the nearest value of the integer dtype `kind`."""
    limits = np.iinfo(kind)
    low, high = (tirx.const(int(limit), "int32") for limit in (limits.min, limits.max))
    return tirx.Cast(kind, tirx.Min(tirx.Max(value, low), high))


def narrowed(func: tirx.PrimFunc) -> tirx.PrimFunc:
    """Return `func` with the vectors of bytes that `within` gives as narrowed integers."""

    def cast(node: tirx.Cast, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        kind, _, lanes = dtype(node).partition("x")
        if kind not in ("int8", "uint8") or lanes not in ("4", "8", "16"):
            return node
        value = _kept(node.value, kind)
        return node if value is None else _narrow(value, kind, int(lanes))

    body = tvm_ffi.structural_mutate(func.body, [(tirx.Cast, cast)])
    return tirx.PrimFunc(func.params, body, func.ret_type, func.attrs)


def _kept(value: Any, kind: str) -> Any | None:
    """Return what `value` keeps within the range of `kind`, or None if it does something else."""
    if not isinstance(value, tirx.Min) or not isinstance(value.a, tirx.Max):
        return None
    bounds = [value.a.b, value.b]
    if not all(isinstance(bound, tirx.Broadcast) for bound in bounds):
        return None
    limits = np.iinfo(kind)
    same = [constant(bound.value) for bound in bounds] == [limits.min, limits.max]
    return value.a.a if same and dtype(value).startswith("int32x") else None


def _narrow(value: Any, kind: str, lanes: int) -> Any:
    words = [
        value if lanes == _LANES else tirx.Shuffle([value], _places(first, _LANES))
        for first in range(0, lanes, _LANES)
    ]
    halves = [
        _call("int16x8", "llvm.wasm.narrow.signed", words[at], words[min(at + 1, len(words) - 1)])
        for at in range(0, len(words), 2)
    ]
    sign = "unsigned" if kind == "uint8" else "signed"
    narrow = _call("int8x16", f"llvm.wasm.narrow.{sign}", halves[0], halves[-1])
    narrow = tirx.reinterpret(f"{kind}x16", narrow)
    return narrow if lanes == 4 * _LANES else tirx.Shuffle([narrow], _places(0, lanes))


def _call(result: str, name: str, left: Any, right: Any) -> Any:
    return tirx.call_llvm_pure_intrin(result, name, left, right)


def _places(first: int, count: int) -> list[Any]:
    return [integer(place) for place in range(first, first + count)]
