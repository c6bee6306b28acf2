"""Lower integer convolutions and products to the kernels of `pyjsml.kernels.int8`."""

from __future__ import annotations

from functools import partial

import tvm
from tvm import relax

from pyjsml.kernels import int8
from pyjsml.kernels.conv2d import MAX_IMPLICIT, Window
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.rewrite import op_name, shape_of
from pyjsml.optimize.simplify import lookup

OIHW = ("o", "i", "h", "w")


def conv2d_int8(
    builder: relax.BlockBuilder, x: relax.Expr, weight: relax.Expr, attrs: tvm.ir.Attrs
) -> relax.Call:
    """Call the kernel that convolves `x` [N, H, W, I], uint8 and padded, with `weight`, int8.

    The weight is [O, I / groups, KH, KW], where groups is 1 or, for a depthwise convolution, I.
    """
    strides = [int(stride) for stride in attrs.strides]
    dilation = [int(step) for step in attrs.dilation]
    outputs, _, height, _ = (int(size) for size in shape_of(weight))
    if int(attrs.groups) > 1:
        x, padding, border = _picture(builder, x)
        packed = builder.emit(call_generic(builder, int8.pack_depthwise_int8, [weight], [OIHW]))
        return builder.call_te(
            partial(int8.depthwise_int8, window=Window(strides, dilation, padding), border=border),
            x,
            packed,
            height,
            primfunc_name_hint="int8_depthwise_conv2d",
        )
    packed = builder.emit(call_generic(builder, int8.pack_conv2d_int8, [weight], [OIHW]))
    return builder.call_te(
        int8.conv2d_int8,
        _grouped(builder, x),
        packed,
        strides,
        dilation,
        outputs,
        primfunc_name_hint="int8_conv2d",
    )


def matmul_int8(builder: relax.BlockBuilder, a: relax.Expr, weight: relax.Expr) -> relax.Call:
    """Call the kernel that multiplies `a` [..., M, K], uint8, by `weight` [K, N], int8."""
    packed = builder.emit(call_generic(builder, int8.pack_matmul_int8, [weight], [("k", "n")]))
    return builder.call_te(
        int8.matmul_int8,
        _grouped(builder, a),
        packed,
        int(shape_of(weight)[1]),
        primfunc_name_hint="int8_matmul",
    )


def _picture(builder: relax.BlockBuilder, x: relax.Expr) -> tuple[relax.Expr, list[int], int]:
    """Return the picture in `x` [N, H, W, C] without the border around it, that, and its number.

    A kernel can take the border for granted where the picture's size is known.
    """
    source = lookup(builder, x)
    if op_name(source) != "relax.nn.pad" or source.attrs.pad_mode != "constant":
        return x, [0, 0, 0, 0], 0
    picture = source.args[0]
    width = [int(size) for size in source.attrs.pad_width]
    _, _, top, bottom, left, right, *channels = width
    known = all(isinstance(size, tvm.tirx.IntImm) for size in shape_of(picture)[1:3])
    if any(width[:2]) or any(channels) or not known or max(width) > MAX_IMPLICIT:
        return x, [0, 0, 0, 0], 0
    return picture, [top, left, bottom, right], int(source.attrs.pad_value)


def _grouped(builder: relax.BlockBuilder, x: relax.Expr) -> relax.Expr:
    """Return `x` with its last axis padded to whole groups of bytes."""
    *others, depth = shape_of(x)
    missing = -int(depth) % int8.GROUP
    if not missing:
        return x
    return builder.emit(relax.op.nn.pad(x, [0] * (2 * len(others) + 1) + [missing]))
