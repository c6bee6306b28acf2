"""Products and convolutions of bytes: uint8 activations, int8 weights, int32 sums.

The depth goes in groups of four bytes, which is what one lane of an instruction takes in. Products
of zero points are no business of these kernels: they are a number per output channel, which is
added behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import ir, te, tirx

from pyjsml.kernels.ops.conv2d import Window, output_size
from pyjsml.kernels.ops.layout import PANEL, extent, panels

GROUP = 4
"""Bytes of the depth that a lane adds up at once."""


def pack_matmul_int8(weight: te.Tensor) -> te.Tensor:
    """Pack [K, N] as [ceil(N / PANEL), ceil(K / GROUP), PANEL, GROUP] for `matmul_int8`."""
    depth, columns = weight.shape
    return te.compute(
        (panels(columns), _groups(depth), _size(PANEL), _size(GROUP)),
        lambda p, k, lane, r: _inside(
            weight, (depth, columns), (k * GROUP + r, p * PANEL + lane), (0, 1)
        ),
        name="pack_matmul_int8",
    )


def matmul_int8(a: te.Tensor, weight: te.Tensor, n: int) -> te.Tensor:
    """Multiply `a` [..., M, K], K a multiple of GROUP, by a packed weight; return [..., M, n]."""
    *rows, _ = a.shape
    k = te.reduce_axis((0, weight.shape[1]), "k")
    r = te.reduce_axis((0, GROUP), "r")

    def element(*indices: tirx.Var) -> ir.Expr:
        *row, column = indices
        return te.sum(
            _product(
                a(*row, k * GROUP + r),
                weight[tirx.floordiv(column, PANEL), k, tirx.floormod(column, PANEL), r],
            ),
            axis=[k, r],
        )

    return te.compute((*rows, extent(n)), element, name="matmul_int8")


def pack_conv2d_int8(weight: te.Tensor) -> te.Tensor:
    """Pack [O, I, KH, KW] as [ceil(O / PANEL), KH, KW, ceil(I / GROUP), PANEL, GROUP]."""
    outputs, inputs, height, width = weight.shape
    return te.compute(
        (panels(outputs), height, width, _groups(inputs), _size(PANEL), _size(GROUP)),
        lambda p, kh, kw, i, lane, r: _inside(
            weight, (outputs, inputs), (p * PANEL + lane, i * GROUP + r, kh, kw), (0, 1)
        ),
        name="pack_conv2d_int8",
    )


def conv2d_int8(
    x: te.Tensor,
    weight: te.Tensor,
    strides: Sequence[int],
    dilation: Sequence[int],
    out_channels: int,
) -> te.Tensor:
    """Convolve `x` [N, H, W, I], padded, I a multiple of GROUP; return [N, OH, OW, O].

    `weight` comes from `pack_conv2d_int8`.
    """
    batch, height, width, _ = x.shape
    _, kernel_height, kernel_width, groups, _, _ = weight.shape
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, kernel_width), "kw")
    i = te.reduce_axis((0, groups), "i")
    r = te.reduce_axis((0, GROUP), "r")
    shape = (
        batch,
        output_size(height, kernel_height, strides[0], dilation[0]),
        output_size(width, kernel_width, strides[1], dilation[1]),
        extent(out_channels),
    )
    return te.compute(
        shape,
        lambda n, h, w, o: te.sum(
            _product(
                x[
                    n,
                    h * strides[0] + kh * dilation[0],
                    w * strides[1] + kw * dilation[1],
                    i * GROUP + r,
                ],
                weight[tirx.floordiv(o, PANEL), kh, kw, i, tirx.floormod(o, PANEL), r],
            ),
            axis=[kh, kw, i, r],
        ),
        name="conv2d_int8",
    )


def pack_depthwise_int8(weight: te.Tensor) -> te.Tensor:
    """Pack [C, 1, KH, KW] as [ceil(C / PANEL), KW, ceil(KH / GROUP), PANEL, GROUP].

    A group is a column of the window: neighbours along a row of the image share its interleaving.
    """
    channels, _, height, width = weight.shape
    return te.compute(
        (panels(channels), width, _groups(height), _size(PANEL), _size(GROUP)),
        lambda p, kw, g, lane, r: _inside(
            weight, (channels, height), (p * PANEL + lane, 0, g * GROUP + r, kw), (0, 2)
        ),
        name="pack_depthwise_int8",
    )


def depthwise_int8(
    x: te.Tensor, weight: te.Tensor, kernel_height: int, window: Window, border: int = 0
) -> te.Tensor:
    """Convolve each channel of `x` [N, H, W, C] by itself; return [N, OH, OW, C].

    `weight` comes from `pack_depthwise_int8`. Beside the picture lies `border`.
    """
    kernel = (tirx.const(kernel_height, "int64"), weight.shape[1])
    kh = te.reduce_axis((0, kernel_height), "kh")
    kw = te.reduce_axis((0, weight.shape[1]), "kw")

    def element(n: Any, h: Any, w: Any, c: Any) -> ir.Expr:
        taken = window.tap(x, n, (h, w), (kh, kw), c)
        group, r = tirx.floordiv(kh, GROUP), tirx.floormod(kh, GROUP)
        packed = weight[tirx.floordiv(c, PANEL), kw, group, tirx.floormod(c, PANEL), r]
        taken = window.inside(x, (h, w), (kh, kw), taken, border)
        return te.sum(_product(taken, packed), axis=[kw, kh])

    shape = (x.shape[0], *window.sizes(x, kernel), x.shape[3])
    return te.compute(shape, element, name="depthwise_int8")


def _product(x: ir.Expr, weight: ir.Expr) -> ir.Expr:
    return x.astype("int32") * weight.astype("int32")


def _groups(size: ir.Expr) -> ir.Expr:
    return tirx.floordiv(size + (GROUP - 1), GROUP)


def _size(value: int) -> ir.Expr:
    return tirx.const(value, "int64")


def _inside(
    weight: te.Tensor, sizes: Sequence[ir.Expr], index: Sequence[Any], axes: Sequence[int]
) -> ir.Expr:
    """Return an element of `weight`, or 0 where `index` is beyond `sizes` along `axes`."""
    conditions = [index[axis] < size for axis, size in zip(axes, sizes, strict=True)]
    inside = tirx.all(*conditions)
    return tirx.if_then_else(inside, weight(*index), tirx.const(0, weight.dtype))
