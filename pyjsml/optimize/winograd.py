"""Winograd's minimal filtering for the convolutions that it makes faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tvm
from tvm import relax, te, tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.ops import conv2d
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.winograd import winograd
from pyjsml.kernels.winograd.block import ITEM, ROWS, Block
from pyjsml.kernels.winograd.transforms import F2, F4, TAPS, Points, results
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.rewrite import dtype_of, shape_of

OUT_FUSABLE = 4
"""TVM's kind of an operator that takes in the element-wise work behind it."""

MULTIPLY_ADDS = 30.0
"""Multiply-adds in a nanosecond: what the register tile reaches."""

BANDWIDTH = 16.0
"""Bytes of a weight that a nanosecond brings from memory, where a large model's weights lie."""

TRANSFORM = 6.0
"""Multiply-adds in the time that an element takes to be transformed, there or back."""

GAIN = 1.25
"""How many times as fast as a direct sum it must be to be worth the longer code."""

MAX_SCRATCH_BYTES = 320 * 1024
"""What the intermediates of a block may take of a kernel's stack."""


@dataclass(frozen=True)
class Convolution:
    """The sizes of a convolution with 3×3 taps and `height` by `width` results."""

    height: int
    width: int
    inputs: int
    outputs: int

    def points(self) -> Points | None:
        """Return the points that make it fastest; None where that is a direct sum.

        Of two that are as fast, that with the smaller weight is taken: F(4, 3) has the least
        arithmetic, yet its weight is 4 times that of a direct sum, which for the few tiles of a
        small picture costs more to read than the products take.
        """
        direct = self.height * self.width * TAPS**2 * self.inputs * self.outputs
        least = _time(direct, self.inputs * self.outputs * TAPS**2) / GAIN
        chosen = None
        for points in (F2, F4):
            block = self._block(results(points))
            taps = block.size**2
            weight = self.inputs * self.outputs * taps
            products = block.quads * ROWS * weight
            moved = block.total * taps * (self.inputs + self.outputs)
            time = _time(products + TRANSFORM * moved, weight)
            if time < least and block.scratch_bytes <= MAX_SCRATCH_BYTES:
                least, chosen = time, points
        return chosen

    def _block(self, step: int) -> Block:
        down, across = -(-self.height // step), -(-self.width // step)
        return Block.of(down, across, self.inputs, self.outputs, step)


def _time(multiply_adds: float, weight: int) -> float:
    """Return the nanoseconds for so much arithmetic beside reading a weight of so many elements."""
    return max(multiply_adds / MULTIPLY_ADDS, weight * ITEM / BANDWIDTH)


def choose_points(x: relax.Expr, weight: relax.Expr, attrs: tvm.ir.Attrs) -> Points | None:
    """Return the points to convolve `x` [N, H, W, I] with `weight` [O, I, KH, KW] by.

    None where a direct sum is faster, and where the kernel asks for other sizes.
    """
    sizes = [*shape_of(x)[1:], *shape_of(weight)]
    steps = [*attrs.strides, *attrs.dilation, attrs.groups]
    if dtype_of(x) != "float32" or not all(isinstance(size, tirx.IntImm) for size in sizes):
        return None
    height, width, inputs, outputs, _, *taps = map(int, sizes)
    if taps != [TAPS, TAPS] or any(int(step) != 1 for step in steps):
        return None
    if inputs % LANES or outputs % PANEL:
        return None
    top, left, bottom, right = map(int, attrs.padding)
    return Convolution(
        height + top + bottom - (TAPS - 1), width + left + right - (TAPS - 1), inputs, outputs
    ).points()


def winograd_conv2d(
    builder: relax.BlockBuilder,
    x: relax.Expr,
    weight: relax.Expr,
    padding: Sequence[int],
    points: Points,
) -> relax.Call:
    """Convolve `x` [N, H, W, I] with `weight` [O, I, 3, 3]; return [N, OH, OW, O].

    `padding` has the zeros above, left of, below and right of the pixels.
    """
    packed = call_generic(builder, conv2d.pack_conv2d, [weight], [("o", "i", "h", "w")])
    packed = builder.emit(packed)
    dims = [("panels", "h", "w", "i", "lanes")]
    turned = call_generic(builder, winograd.pack_winograd, [packed], dims, points=points)
    operands = [x, builder.emit(turned)]
    data, taps = (te.placeholder(list(shape_of(each)), dtype_of(each)) for each in operands)
    sizes, columns = [int(size) for size in padding], int(shape_of(weight)[0])
    result = winograd.winograd_conv2d(data, taps, sizes, points, columns)
    function = te.create_prim_func([data, taps, result]).without_attr("global_symbol")
    # TVM takes a function of several stages for one that nothing can be fused with.
    function = function.with_attrs({"tirx.noalias": True, "op_pattern": OUT_FUSABLE})
    callee = builder.add_func(function, "winograd_conv2d")
    out = relax.TensorType(list(result.shape), result.dtype)
    return relax.call_tir(callee, operands, out_ty=out)
