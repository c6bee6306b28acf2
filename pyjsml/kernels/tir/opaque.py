"""Loops that LLVM leaves as they are."""

from __future__ import annotations

from typing import Any

from tvm import tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.tir.expression import constant, integer
from pyjsml.kernels.tir.stage import Axis

_BITMASK = "llvm.wasm.bitmask"


def kept(axis: Axis) -> Axis:
    """Return `axis` with a small extent that LLVM can't know, so that it stays a loop.

    Written out, the steps of a reduction are one block, which LLVM puts in order by results and not
    by steps: what all steps load then has to wait in registers, which there are not enough of.
    """
    extent = constant(axis.extent)
    if extent is None or not 2 < extent < 2**LANES:
        return axis
    return Axis(axis.var, _opaque(extent))


def _opaque(value: int) -> Any:
    """Return `value` as the signs of a vector's lanes, which LLVM does not work out."""
    signs = [integer(-(value >> lane & 1)) for lane in range(LANES)]
    lanes = tirx.Shuffle(signs, [integer(lane) for lane in range(LANES)])
    return tirx.call_llvm_pure_intrin("int32", _BITMASK, lanes)
