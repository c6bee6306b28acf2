"""3×3 convolution of NHWC activations by Winograd's minimal filtering.

The result is cut into tiles of m×m pixels. Each takes (m + 2)² pixels of the input, which overlap
those of its neighbours by two; a tile's transformed pixels, one by one, times the transformed
weight are the transformed result. That is (m + 2)² products for m² results, where a direct sum
takes 9·m².

A pixel that is infinite or no number may make NaN of any result of its tiles, not only of those
whose window has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import ir, te, tirx

from pyjsml.kernels.ops.layout import PANEL, extent
from pyjsml.kernels.winograd.transforms import (
    TAPS,
    Points,
    products,
    results,
    transform_data,
    transform_result,
    transform_weight,
)


def pack_winograd(packed: te.Tensor, points: Points) -> te.Tensor:
    """Transform a weight of `pack_conv2d`, [P, 3, 3, I, PANEL], to [P, m + 2, m + 2, I, PANEL]."""
    panels, _, _, in_channels, _ = packed.shape
    size, lanes = extent(products(points)), extent(PANEL)
    taps = range(TAPS)
    rows = te.compute(
        (panels, in_channels, size, extent(TAPS), lanes),
        lambda p, i, y, b, lane: _choose(
            y, transform_weight(points, [packed[p, a, b, i, lane] for a in taps])
        ),
        name="winograd_weight_rows",
    )
    return te.compute(
        (panels, size, size, in_channels, lanes),
        lambda p, y, z, i, lane: _choose(
            z, transform_weight(points, [rows[p, i, y, b, lane] for b in taps])
        ),
        name="pack_winograd",
    )


def winograd_conv2d(
    x: te.Tensor, weight: te.Tensor, padding: Sequence[int], points: Points, out_channels: int
) -> te.Tensor:
    """Convolve `x` [N, H, W, I] with a weight of `pack_winograd`; return [N, OH, OW, O].

    `padding` has the zeros that lie above, left of, below and right of the pixels.
    """
    top, left, bottom, right = padding
    batch, height, width, in_channels = x.shape
    out_height, out_width = height + (top + bottom - 2), width + (left + right - 2)
    step, size = results(points), products(points)
    places = range(size)
    down, across = (tirx.floordiv(n + (step - 1), step) for n in (out_height, out_width))

    def pixel(n: Any, th: Any, tw: Any, a: Any, b: Any, i: Any) -> ir.Expr:
        h, w = th * step - top + a, tw * step - left + b
        inside = tirx.all(h >= 0, h < height, w >= 0, w < width)
        return tirx.if_then_else(inside, x[n, h, w, i], _float(0))

    pixels = te.compute(
        (batch, down, across, size, size, in_channels), pixel, name="winograd_pixels"
    )
    data_rows = te.compute(
        (batch, down, across, size, size, in_channels),
        lambda n, th, tw, b, y, i: _choose(
            y, transform_data(points, [pixels[n, th, tw, a, b, i] for a in places])
        ),
        name="winograd_data_rows",
    )
    data = te.compute(
        (size, size, batch, down, across, in_channels),
        lambda y, z, n, th, tw, i: _choose(
            z, transform_data(points, [data_rows[n, th, tw, b, y, i] for b in places])
        ),
        name="winograd_data",
    )
    k = te.reduce_axis((0, in_channels), "k")
    product = te.compute(
        (size, size, batch, down, across, extent(out_channels)),
        lambda y, z, n, th, tw, o: te.sum(
            data[y, z, n, th, tw, k]
            * weight[tirx.floordiv(o, PANEL), y, z, k, tirx.floormod(o, PANEL)],
            axis=k,
        ),
        name="winograd_product",
    )
    result_rows = te.compute(
        (batch, down, across, size, step, extent(out_channels)),
        lambda n, th, tw, z, r, o: _choose(
            r, transform_result(points, [product[a, z, n, th, tw, o] for a in places])
        ),
        name="winograd_result_rows",
    )

    def result(n: tirx.Var, h: tirx.Var, w: tirx.Var, o: tirx.Var) -> ir.Expr:
        th, tw, r = tirx.floordiv(h, step), tirx.floordiv(w, step), tirx.floormod(h, step)
        values = [result_rows[n, th, tw, b, r, o] for b in places]
        return _choose(tirx.floormod(w, step), transform_result(points, values))

    shape = (batch, out_height, out_width, extent(out_channels))
    return te.compute(shape, result, name="winograd_conv2d")


def _choose(index: ir.Expr, values: Sequence[ir.Expr]) -> ir.Expr:
    """Return `values[index]`; a schedule that writes out `index` has the one value left."""
    chosen = values[-1]
    for position in reversed(range(len(values) - 1)):
        here = tirx.EQ(index, tirx.const(position, index.ty.dtype))
        chosen = tirx.Select(here, values[position], chosen)
    return chosen


def _float(value: float) -> tirx.FloatImm:
    return tirx.FloatImm("float32", value)
