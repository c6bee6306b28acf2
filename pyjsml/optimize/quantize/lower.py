"""Lower integer convolutions and products to the kernels of `pyjsml.kernels.int8.int8`."""

from __future__ import annotations

from functools import partial

import tvm
from tvm import relax

from pyjsml.kernels.int8 import int8
from pyjsml.kernels.ops import quantized
from pyjsml.kernels.ops.conv2d import MAX_IMPLICIT, Window
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.quantize.operands import number
from pyjsml.optimize.rewrite import emit, op_name, shape_of
from pyjsml.optimize.simplify import lookup, reshape

OIHW = ("o", "i", "h", "w")
NHWC = (0, 2, 3, 1)


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
    pixels = _pixels(builder, x)
    return builder.call_te(
        int8.conv2d_int8,
        _grouped(builder, x) if pixels is None else pixels,
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
    if op_name(source) != "relax.nn.pad" or not _is_border(source, rows=1):
        return x, [0, 0, 0, 0], 0
    _, _, top, bottom, left, right, _, _ = (int(size) for size in source.attrs.pad_width)
    if max(top, bottom, left, right) > MAX_IMPLICIT:
        return x, [0, 0, 0, 0], 0
    return source.args[0], [top, left, bottom, right], int(source.attrs.pad_value)


def _is_border(pad: relax.Call, rows: int) -> bool:
    """Tell whether `pad` puts one number around pictures of a known size.

    Axis `rows` has their rows, and the next one their columns.
    """
    spatial = range(2 * rows, 2 * rows + 4)
    others = [int(size) for at, size in enumerate(pad.attrs.pad_width) if at not in spatial]
    known = all(isinstance(n, tvm.tirx.IntImm) for n in shape_of(pad.args[0])[rows : rows + 2])
    return pad.attrs.pad_mode == "constant" and known and not any(others)


def _pixels(builder: relax.BlockBuilder, x: relax.Expr) -> relax.Expr | None:
    """Return `x` [N, H, W, C] if it is a quantised picture, padded to whole groups as it is made.

    Quantised, a picture would else be copied as often as it is padded and turned round.
    """
    turned = lookup(builder, x)
    if op_name(turned) != "relax.permute_dims" or list(turned.attrs.axes) != list(NHWC):
        return None
    source = lookup(builder, turned.args[0])
    border = source if op_name(source) == "relax.nn.pad" else None
    if border is not None:
        if not _is_border(border, rows=2):
            return None
        source = lookup(builder, border.args[0])
    if op_name(source) != "relax.quantize" or str(source.attrs.out_dtype) != "uint8":
        return None
    picture, *parameters = source.args
    scale, zero = (number(parameter) for parameter in parameters)
    if int(shape_of(picture)[1]) > int8.GROUP or scale is None or zero is None:
        return None
    pixels = builder.call_te(
        quantized.quantize_pixels,
        picture,
        scale,
        zero,
        primfunc_name_hint="quantize_pixels",
    )
    pixels = builder.emit(pixels)
    return pixels if border is None else _bordered(builder, pixels, border.attrs)


def _bordered(builder: relax.BlockBuilder, pixels: relax.Expr, attrs: tvm.ir.Attrs) -> relax.Expr:
    """Return `pixels` [N, H, W, GROUP] with the border that `attrs` put around [N, C, H, W].

    The bytes of a row are put down as one axis, along which vectors can run.
    """
    batch, height, width, group = shape_of(pixels)
    _, _, _, _, top, bottom, left, right = (int(size) for size in attrs.pad_width)
    rows = emit(builder, reshape(builder, pixels, [batch, height, width * group]))
    sizes = [0, 0, top, bottom, left * int8.GROUP, right * int8.GROUP]
    rows = builder.emit(relax.op.nn.pad(rows, sizes, attrs.pad_mode, attrs.pad_value))
    shape = [batch, height + (top + bottom), width + (left + right), group]
    return emit(builder, reshape(builder, rows, shape))


def _grouped(builder: relax.BlockBuilder, x: relax.Expr) -> relax.Expr:
    """Return `x` with its last axis padded to whole groups of bytes."""
    *others, depth = shape_of(x)
    missing = -int(depth) % int8.GROUP
    if not missing:
        return x
    return builder.emit(relax.op.nn.pad(x, [0] * (2 * len(others) + 1) + [missing]))
