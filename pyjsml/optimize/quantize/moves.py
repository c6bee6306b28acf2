"""Bytes are moved, joined and added up as such: what dequantises them goes behind."""

from __future__ import annotations

import math

import tvm
from tvm import relax

from pyjsml.optimize.quantize.operands import dequantized, is_activation, number
from pyjsml.optimize.rewrite import dtype_of, shape_of
from pyjsml.optimize.simplify import RESHAPES

MOVES = (*sorted(RESHAPES), "relax.permute_dims", "relax.strided_slice", "relax.nn.max_pool2d")
"""Operators whose result has elements of their operand alone, whatever numbers these are."""


def moved(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
    """Move the bytes rather than what they are dequantised to."""
    source = dequantized(builder, call.args[0])
    if source is None or not is_activation(source):
        return None
    x, scale, zero = source.args
    bytes_ = relax.Call(call.op, [x, *call.args[1:]], call.attrs, call.ty_args)
    return relax.op.dequantize(builder.emit(bytes_), scale, zero, 0, "float32")


def joined(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
    """Join bytes of one scale and zero point rather than what they are dequantised to."""
    if not isinstance(call.args[0], relax.Tuple):
        return None
    sources = [dequantized(builder, field) for field in call.args[0].fields]
    known = [source for source in sources if source is not None and is_activation(source)]
    kinds = {
        (dtype_of(source.args[0]), *[number(parameter) for parameter in source.args[1:]])
        for source in known
    }
    if len(known) < len(sources) or len(kinds) > 1:
        return None
    joined = relax.op.concat([source.args[0] for source in known], call.attrs.axis)
    return relax.op.dequantize(builder.emit(joined), *known[0].args[1:], 0, "float32")


def added_up(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
    """Add up the bytes themselves, over axes whose sizes are known."""
    if call.attrs.axis is None:
        return None
    axes = [int(axis) for axis in call.attrs.axis]
    return _total(builder, call, axes, call.attrs.keepdims, mean=False)


def averaged(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
    """Average the bytes of each channel of [N, C, H, W]."""
    if [int(size) for size in call.attrs.output_size] != [1, 1] or call.attrs.layout != "NCHW":
        return None
    return _total(builder, call, [2, 3], True, mean=True)


def _total(
    builder: relax.BlockBuilder, call: relax.Call, axes: list[int], keepdims: bool, *, mean: bool
) -> relax.Expr | None:
    source = dequantized(builder, call.args[0])
    if source is None or not is_activation(source):
        return None
    x, scale, zero = source.args
    sizes = [shape_of(x)[axis] for axis in axes]
    if not all(isinstance(size, tvm.tirx.IntImm) for size in sizes):
        return None
    count = math.prod(int(size) for size in sizes)
    wide = builder.emit(relax.op.astype(x, "int32"))
    total = builder.emit(relax.op.sum(wide, axes, keepdims))
    step = relax.const(number(scale) / (count if mean else 1), "float32")
    offset = relax.const(number(zero) * count, "int32")
    return relax.op.dequantize(total, step, offset, 0, "float32")
