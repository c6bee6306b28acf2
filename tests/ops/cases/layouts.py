"""Operators that move elements."""

from __future__ import annotations

from functools import reduce

import numpy as np
import torch.nn.functional as F  # noqa: N812
from tvm import relax

from tests.ops.cases.case import EMPTY, f32, op_case, pooled

op = relax.op

LAYOUTS = (
    op_case(
        "transpose_to_nhwc",
        lambda x: op.permute_dims(x, [0, 2, 3, 1]),
        [f32(2, 3, 5, 6)],
        lambda x: np.transpose(x, (0, 2, 3, 1)),
    ),
    op_case(
        "transpose_any_size",
        lambda x: op.permute_dims(x, [0, 2, 1, 3]),
        [f32(1, "n", 2, 8)],
        lambda x: np.transpose(x, (0, 2, 1, 3)),
        EMPTY,
    ),
    op_case(
        "pad",
        lambda x: op.nn.pad(x, (0, 0, 1, 2, 2, 1, 0, 0)),
        [f32(1, 3, 4, 5)],
        lambda x: np.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0))),
    ),
    op_case(
        "concat_last",
        lambda x, y, z: op.concat([x, y, z], -1),
        [f32(2, 3, 5), f32(2, 3, 8), f32(2, 3, 1)],
        lambda *xs: np.concatenate(xs, -1),
    ),
    op_case(
        "concat_first",
        lambda x, y: op.concat([x, y], 0),
        [f32(2, 9), f32(3, 9)],
        lambda *xs: np.concatenate(xs, 0),
    ),
    op_case(
        "concat_many",
        lambda *xs: op.concat(xs, 1),
        [f32(3, size % 4 + 1, 3) for size in range(37)],
        lambda *xs: np.concatenate(xs, 1),
    ),
    op_case(
        "add_many",
        lambda *xs: op.nn.relu(sum(xs[1:], xs[0])),
        [f32(5, 7) for _ in range(35)],
        lambda *xs: np.maximum(sum(xs), 0),
    ),
    op_case(
        "any_of_many",
        lambda *xs: reduce(op.logical_or, xs),
        [((3, 5), "bool") for _ in range(20)],
        lambda *xs: np.logical_or.reduce(xs),
    ),
    op_case(
        "slice",
        lambda x: op.strided_slice(x, [0, 1], [1, 0], [5, 9], [2, 3]),
        [f32(6, 10)],
        lambda x: x[1:5:2, 0:9:3],
    ),
    op_case(
        "take",
        lambda x, i: op.take(x, i, 0),
        [f32(9, 7), ((2, "n"), "int64")],
        lambda x, i: x[i],
        EMPTY,
        low=0,
        high=8,
    ),
    op_case("flip", lambda x: op.flip(x, 1), [f32(3, 9)], lambda x: np.flip(x, 1)),
    op_case("tile", lambda x: op.tile(x, (2, 3)), [f32(3, 4)], lambda x: np.tile(x, (2, 3))),
    op_case(
        "resize_nearest",
        lambda x: op.image.resize2d(
            x,
            (10, 12),
            layout="NHWC",
            method="nearest_neighbor",
            coordinate_transformation_mode="asymmetric",
            rounding_method="floor",
        ),
        [f32(1, 5, 6, 3)],
        lambda x: x.repeat(2, 1).repeat(2, 2),
    ),
    op_case(
        "resize_linear",
        lambda x: op.image.resize2d(
            x, (7, 9), layout="NHWC", method="linear", coordinate_transformation_mode="half_pixel"
        ),
        [f32(1, 5, 6, 4)],
        pooled(lambda x: F.interpolate(x, size=(7, 9), mode="bilinear")),
    ),
)
