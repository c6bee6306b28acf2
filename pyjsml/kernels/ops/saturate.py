"""Bytes of 32-bit integers by the instructions that narrow and saturate.

LLVM writes a conversion to fewer than 16 bytes as a shuffle of 16 places, which takes an engine on
x86 several instructions and constants. Where a value is kept within a byte's range first, what
saturates in narrowing gives the same, and does the keeping as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.tir.expression import call_name, constant, dtype, integer

ROUNDER = 1.5 * 2**23
"""Added to a float32 below 2^22 it leaves whole numbers alone, rounded half to even, in the lowest
bits of the sum, at the cost of one addition: a conversion takes several instructions on x86. Sums
that are larger still have larger bits, as integers, up to infinity; but not those below zero."""
ROUNDER_BITS = int(np.float32(ROUNDER).view(np.int32))


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
        if value is None:
            return node
        total, zero = _rounded(value) or (value, 0)
        return _narrow(total, zero, kind, int(lanes))

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


def _rounded(value: Any) -> tuple[Any, int] | None:
    """Return the sum with ROUNDER whose lowest bits `value` is, and what `value` adds to those."""
    if not isinstance(value, tirx.Sub) or not isinstance(value.b, tirx.Broadcast):
        return None
    bits, offset = value.a, constant(value.b.value)
    if offset is None or not isinstance(bits, ir.Call) or call_name(bits) != "reinterpret":
        return None
    (kept,) = bits.args
    if not isinstance(kept, tirx.Select) or not dtype(kept).startswith("float32x"):
        return None
    condition, least, total = kept.condition, kept.true_value, kept.false_value
    below = tirx.LT(total, least)
    zero = ROUNDER_BITS - offset
    same = tvm_ffi.structural_equal(condition, below)
    return (total, zero) if same and abs(zero) <= np.iinfo("uint8").max else None


def _narrow(value: Any, zero: int, kind: str, lanes: int) -> Any:
    words = [
        value if lanes == LANES else tirx.Shuffle([value], _places(first, LANES))
        for first in range(0, lanes, LANES)
    ]
    if dtype(value).startswith("float32"):
        words = [_lowest_bits(word) for word in words]
    halves = [
        _call("int16x8", "llvm.wasm.narrow.signed", words[at], words[min(at + 1, len(words) - 1)])
        for at in range(0, len(words), 2)
    ]
    if zero:
        add = tirx.Broadcast(tirx.const(zero, "int16"), 2 * LANES)
        halves = [_call("int16x8", "llvm.sadd.sat", half, add) for half in halves]
    sign = "unsigned" if kind == "uint8" else "signed"
    narrow = _call("int8x16", f"llvm.wasm.narrow.{sign}", halves[0], halves[-1])
    narrow = tirx.reinterpret(f"{kind}x16", narrow)
    return narrow if lanes == 4 * LANES else tirx.Shuffle([narrow], _places(0, lanes))


def _lowest_bits(total: Any) -> Any:
    """Return four integers to which ROUNDER was added, or what saturates as they do.

    The upper half of each goes down by that of ROUNDER. Where it saturates, the sum was negative,
    and so is what is left: with 32 bits it would come out on the other side.
    """
    pairs = tirx.reinterpret("int16x8", total)
    upper = tirx.reinterpret("int16x8", tirx.Broadcast(tirx.const(ROUNDER_BITS, "int32"), LANES))
    return tirx.reinterpret("int32x4", _call("int16x8", "llvm.ssub.sat", pairs, upper))


def _call(result: str, name: str, left: Any, right: Any) -> Any:
    return tirx.call_llvm_pure_intrin(result, name, left, right)


def _places(first: int, count: int) -> list[Any]:
    return [integer(place) for place in range(first, first + count)]
