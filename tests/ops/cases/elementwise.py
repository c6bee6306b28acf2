"""Operators of single elements."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from tvm import relax

from tests.ops.cases.case import EMPTY, by_torch, f32, op_case

op = relax.op


def gelu(x: Any) -> Any:
    """Return GELU of a bias added before."""
    return op.nn.gelu(x)


ELEMENTWISE = (
    op_case("add", op.add, [f32(3, 5, 7), f32(7)], np.add),
    op_case("add_rows", op.add, [f32(3, 5, 7), f32(5, 1)], np.add),
    op_case("add_any_size", op.add, [f32("n", 4), f32(4)], np.add, EMPTY),
    op_case("add_long", op.add, [f32(1, 3001), f32(1, 3001)], np.add),
    op_case(
        "relu_of_sum",
        lambda x, y: op.nn.relu(op.add(x, y)),
        [f32(2, 33), f32(2, 33)],
        lambda x, y: np.maximum(x + y, 0),
    ),
    op_case("gelu", gelu, [f32(5, 9)], by_torch(F.gelu)),
    *[
        op_case(f"{name}_of_{far}", define, [f32(40, 9)], by_torch(expected), low=-far, high=far)
        for name, define, expected, reach in (
            ("sin", op.sin, torch.sin, (2, 20, 30000)),
            ("cos", op.cos, torch.cos, (2, 20, 30000)),
            ("tan", op.tan, torch.tan, (1, 20)),
        )
        for far in reach
    ],
    op_case("silu", op.nn.silu, [f32(5, 9)], by_torch(F.silu)),
    op_case(
        "where",
        lambda c, x, y: op.where(c, x, y),
        [((4, 5), "bool"), f32(4, 5), f32(4, 5)],
        np.where,
    ),
    op_case(
        "less",
        lambda x, y: op.less(x, y),
        [f32(4, 9), f32(9)],
        np.less,
    ),
    op_case(
        "logical",
        lambda x, y: op.logical_or(op.logical_not(x), y),
        [((3, 17), "bool"), ((3, 17), "bool")],
        lambda x, y: ~x | y,
    ),
    op_case(
        "floor_divide",
        op.floor_divide,
        [((37,), "int32"), ((1,), "int32")],
        lambda x, y: x // y,
        low=3,
        high=9,
    ),
    *(
        op_case(
            f"{name}_of_a_constant_by_negatives",
            partial(apply, relax.const(100, "int32")),
            [((37,), "int32")],
            partial(wanted, np.int32(100)),
            low=-9,
            high=-3,
        )
        for name, apply, wanted in (
            ("floor_divide", op.floor_divide, np.floor_divide),
            ("floor_mod", op.floor_mod, np.mod),
        )
    ),
    op_case("add_int64", op.add, [((3, 7), "int64"), ((7,), "int64")], np.add, high=9),
    op_case(
        "cast_int64",
        lambda x: op.astype(x, "float32"),
        [((5, 9), "int64")],
        lambda x: x.astype(np.float32),
        high=300,
    ),
    op_case(
        "cast_uint8",
        lambda x: op.astype(x, "float32"),
        [((1, 4, 5, 3), "uint8")],
        lambda x: x.astype(np.float32),
        high=255,
    ),
    op_case(
        "cast_to_int",
        lambda x: op.astype(x, "int32"),
        [f32(3, 7)],
        lambda x: x.astype(np.int32),
        high=100,
    ),
    op_case(
        "cast_bool",
        lambda x: op.astype(x, "float32"),
        [((3, 7), "bool")],
        lambda x: x.astype(np.float32),
    ),
    op_case("float64", op.multiply, [((11,), "float64"), ((11,), "float64")], np.multiply),
)
