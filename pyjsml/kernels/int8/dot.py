"""Products of bytes: four at a time into each lane of an int32 vector.

`dot` stands for one instruction of relaxed SIMD. WebAssembly leaves open what that does where an
element of its second operand is above 127. x86 with VNNI takes it as unsigned and adds exactly
(vpdpbusd), older x86 saturates the sum of two products to 16 bits (vpmaddubsw), ARM takes it as
signed (sdot). Activations are unsigned and use all 8 bits, so the relaxed file is right on the
first kind of host alone: the runtime tries the instruction out, and takes the other file elsewhere.
There `widened` has put the same sum in terms of 16-bit products, which are exact everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tvm
import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.tir.expression import call_name, integer

_RELAXED = "llvm.wasm.relaxed.dot.i8x16.i7x16.add.signed"
_PAIRS = "llvm.wasm.dot"
_SHUFFLE = "llvm.wasm.shuffle"
VECTOR = 16
"""Bytes of a vector."""


def dot(weights: Any, activations: Any, total: Any) -> Any:
    """Return `total`, an int32x4, plus in lane i the products of bytes 4i to 4i + 3.

    `weights` is an int8x16, `activations` an uint8x16.
    """
    return tirx.call_llvm_pure_intrin(
        "int32x4", _RELAXED, weights, tirx.reinterpret("int8x16", activations), total
    )


def spread(word: Any) -> Any:
    """Return an uint8x16 that holds the four bytes of `word`, an uint8x4, four times."""
    lanes = tirx.Broadcast(tirx.reinterpret("int32", word), LANES)
    return tirx.reinterpret("uint8x16", lanes)


def interleave(taps: Sequence[Any]) -> tuple[Any, Any]:
    """Return what `dot` takes for channels 0 to 3 and 4 to 7, of four taps, each an uint8x8.

    LLVM would merge plain shuffles, into ones that an engine has no single instruction for.
    """
    first, second, third, last = (_twice(tap) for tap in taps)
    left, right = zipped(first, second, 0, 1), zipped(third, last, 0, 1)
    low, high = (tirx.reinterpret("uint8x16", zipped(left, right, half, 2)) for half in (0, 1))
    return low, high


def zipped(left: Any, right: Any, half: int, size: int) -> Any:
    """Return the first (0) or second (1) half of two vectors of bytes in turns of `size` bytes."""
    start = half * VECTOR // 2
    turns = range(start, start + VECTOR // 2, size)
    places = [at + byte for turn in turns for at in (turn, turn + VECTOR) for byte in range(size)]
    sides = (tirx.reinterpret("int8x16", side) for side in (left, right))
    return tirx.call_llvm_pure_intrin("int8x16", _SHUFFLE, *sides, *map(integer, places))


def _twice(half: Any) -> Any:
    """Return an int8x16 that holds an uint8x8 two times, which takes no more than to load it."""
    return tirx.reinterpret("int8x16", tirx.Broadcast(tirx.reinterpret("int64", half), 2))


def words_dot(left: Any, right: Any) -> Any:
    """Return an int32x4 with in lane i the products of 2i and 2i + 1 of two int16x8."""
    return tirx.call_llvm_pure_intrin("int32x4", _PAIRS, left, right)


def spread_words(words: Any) -> Any:
    """Return an int16x8 that holds the four numbers of `words` twice, which is a plain load."""
    return tirx.reinterpret("int16x8", tirx.Broadcast(tirx.reinterpret("int64", words), 2))


def neighbours(left: Any, right: Any) -> Any:
    """Return an int32x4 with the sums of neighbours in one int32x4 and then another."""
    sides = [tirx.Shuffle([left, right], [integer(at) for at in range(o, 8, 2)]) for o in (0, 1)]
    return sides[0] + sides[1]


def has_dots(body: tirx.Stmt) -> bool:
    """Tell whether a kernel's body calls `dot`."""
    return _calls(body, _RELAXED)


def has_words(body: tirx.Stmt) -> bool:
    """Tell whether a kernel's body calls `words_dot`."""
    return _calls(body, _PAIRS)


def widened(func: tirx.PrimFunc) -> tirx.PrimFunc:
    """Return `func` with every `dot` in instructions of plain SIMD.

    Of each pair of bytes the lower ones and the higher ones are multiplied apart: 16-bit shifts
    part them, and i32x4.dot_i16x8_s adds two products to each lane.
    """

    def call(node: ir.Call, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        if not _is(node, _RELAXED):
            return node
        weights, activations, total = node.args[1:]
        pairs = tirx.reinterpret("int16x8", weights)
        lower = tirx.reinterpret("int16x8", activations)
        byte = tirx.Broadcast(tirx.const(8, "int16"), 2 * LANES)
        mask = tirx.Broadcast(tirx.const(255, "int16"), 2 * LANES)
        unsigned = tirx.reinterpret("uint16x8", activations)
        eight = tirx.Broadcast(tirx.const(8, "uint16"), 2 * LANES)
        low = words_dot((pairs << byte) >> byte, lower & mask)
        high = words_dot(pairs >> byte, tirx.reinterpret("int16x8", unsigned >> eight))
        return total + low + high

    body = tvm_ffi.structural_mutate(func.body, [(ir.Call, call)])
    return tirx.PrimFunc(func.params, body, func.ret_type, func.attrs)


def _calls(body: tirx.Stmt, name: str) -> bool:
    def visit(call: ir.Call) -> Any:
        return tvm_ffi.VisitInterrupt(call) if _is(call, name) else None

    return tvm_ffi.structural_walk(body, (ir.Call, visit)) is not None


def _is(call: ir.Call, name: str) -> bool:
    return call_name(call) == "call_llvm_pure_intrin" and int(call.args[0]) == _number(name)


def _number(name: str) -> int:
    return int(tvm.target.codegen.llvm_lookup_intrinsic_id(name))
