"""Reductions, pools, norms and what else reads many elements for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from tvm import relax, te, topi

from pyjsml.kernels.ops.adaptive import adaptive_mean
from pyjsml.kernels.ops.extremes import where_extreme
from pyjsml.kernels.ops.softmax import softmax
from tests.ops.cases.case import EMPTY, SEQUENCES, Binding, Case, by_torch, f32, op_case, pooled
from tests.ops.functions import Size, from_te

op = relax.op
PADDED_POOL = {"pool_size": (3, 3), "strides": (2, 2), "padding": (1, 1, 1, 1)}
NHWC = {"layout": "NHWC", "out_layout": "NHWC"}


def softmax_case(
    name: str, shape: Sequence[Size], axis: int, bindings: Sequence[Binding] = ({},)
) -> Case:
    """Return softmax along `axis`."""
    return Case(
        name,
        lambda: from_te(lambda x: softmax(x, axis % len(shape)), shape),
        [f32(*shape)],
        by_torch(lambda x: torch.softmax(x, axis)),
        bindings,
    )


def pool_case(
    name: str,
    shape: Sequence[Size],
    size: tuple[int, int],
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return the means of so many windows along height and width."""
    return Case(
        f"adaptive_pool2d_{name}",
        lambda: from_te(lambda x: adaptive_mean(x, size, (1, 2)), shape),
        [f32(*shape)],
        pooled(lambda x: F.adaptive_avg_pool2d(x, size)),
        bindings,
    )


def sum_then_slice(x: Any) -> Any:
    """Sum the last axis and keep the first four of the middle one."""
    sums = topi.sum(x, -1)
    return te.compute((3, 4), lambda i, j: sums[i, j], "slice")


STATISTICS = (
    softmax_case("softmax", (3, 10), -1),
    softmax_case("softmax_wide", (2, 70), 1),
    softmax_case("softmax_middle", (2, 5, 6), 1),
    softmax_case("softmax_any_length", (2, "n", "n"), 2, EMPTY),
    op_case(
        "log_softmax",
        lambda x: op.nn.log_softmax(x, -1),
        [f32(3, 21)],
        by_torch(lambda x: torch.log_softmax(x, -1)),
    ),
    op_case(
        "layer_norm",
        lambda x, g, b: op.nn.layer_norm(x, g, b, [-1], 1e-5),
        [f32(4, 37), f32(37), f32(37)],
        by_torch(lambda x, g, b: F.layer_norm(x, (37,), g, b)),
    ),
    op_case(
        "layer_norm_any_rows",
        lambda x, g, b: op.nn.layer_norm(x, g, b, [-1], 1e-12),
        [f32(1, "n", 16), f32(16), f32(16)],
        by_torch(lambda x, g, b: F.layer_norm(x, (16,), g, b, 1e-12)),
        EMPTY,
    ),
    op_case(
        "instance_norm",
        lambda x, g, b: op.nn.instance_norm(x, g, b, 3, [1, 2], 1e-5),
        [f32(2, 5, 6, 7), f32(7), f32(7)],
        by_torch(
            lambda x, g, b: F.instance_norm(x.permute(0, 3, 1, 2), weight=g, bias=b).permute(
                0, 2, 3, 1
            )
        ),
    ),
    op_case(
        "group_norm",
        lambda x, g, b: op.nn.group_norm(x, g, b, 2, 1, [2, 3], 1e-5),
        [f32(2, 6, 4, 5), f32(6), f32(6)],
        by_torch(lambda x, g, b: F.group_norm(x, 2, g, b)),
    ),
    op_case(
        "rms_norm",
        lambda x, g: op.nn.rms_norm(x, g, [-1], 1e-6),
        [f32(3, 19), f32(19)],
        by_torch(lambda x, g: F.rms_norm(x, (19,), g, 1e-6)),
    ),
    op_case(
        "split",
        lambda x: op.split(x, 2, -1),
        [f32(3, 5, 16)],
        lambda x: list(np.split(x, 2, -1)),
    ),
    op_case("sum_last", lambda x: op.sum(x, [-1]), [f32(3, 70)], by_torch(lambda x: x.sum(-1))),
    Case(
        "sum_then_slice",
        lambda: from_te(sum_then_slice, (3, 6, 9)),
        [f32(3, 6, 9)],
        by_torch(lambda x: x.sum(-1)[:, :4]),
    ),
    op_case("sum_first", lambda x: op.sum(x, [0]), [f32(9, 13)], by_torch(lambda x: x.sum(0))),
    op_case("sum_all", lambda x: op.sum(x), [f32(5, 6, 7)], by_torch(lambda x: x.sum())),
    op_case(
        "mean_any_size",
        lambda x: op.sum(x, [1, 2], keepdims=True),
        [f32(1, "n", 3, 21)],
        by_torch(lambda x: x.sum((1, 2), keepdim=True)),
        SEQUENCES,
    ),
    op_case(
        "sum_any_length",
        lambda x: op.sum(x, [1]),
        [f32(2, "n")],
        by_torch(lambda x: x.sum(1)),
        EMPTY,
    ),
    op_case("max", lambda x: op.max(x, [1]), [f32(3, 11)], by_torch(lambda x: x.amax(1))),
    op_case(
        "max_of_nothing_finite",
        lambda x: op.max(x, [1]),
        [f32(3, 5)],
        lambda x: x.max(1),
        low=-np.inf,
        high=-np.inf,
    ),
    op_case("min_first", lambda x: op.min(x, [0]), [f32(3, 11)], by_torch(lambda x: x.amin(0))),
    op_case("prod", lambda x: op.prod(x, [1]), [f32(3, 9)], by_torch(lambda x: x.prod(1))),
    Case(
        "argmax",
        lambda: from_te(lambda x: where_extreme(x, 1, False, True), (3, 17, 5)),
        [f32(3, 17, 5)],
        lambda x: np.argmax(x, 1),
    ),
    Case(
        "argmin",
        lambda: from_te(lambda x: where_extreme(x, 1, True, False), (4, "n")),
        [f32(4, "n")],
        lambda x: np.argmin(x, 1, keepdims=True),
        bindings=[{"n": 9}, {"n": 1}],
    ),
    Case(
        "argmax_of_all",
        lambda: from_te(lambda x: where_extreme(x, None, False, True), (5, 7)),
        [f32(5, 7)],
        lambda x: np.argmax(x),
    ),
    Case(
        "argmax_of_the_least",
        lambda: from_te(lambda x: where_extreme(x, 1, False, True), (3, 5)),
        [f32(3, 5)],
        lambda x: np.argmax(x, 1),
        low=-np.inf,
        high=-np.inf,
    ),
    op_case(
        "max_pool2d",
        lambda x: op.nn.max_pool2d(x, **PADDED_POOL, **NHWC),
        [f32(1, 7, 8, 11)],
        pooled(lambda x: F.max_pool2d(x, 3, 2, 1)),
    ),
    op_case(
        "avg_pool2d",
        lambda x: op.nn.avg_pool2d(x, **PADDED_POOL, count_include_pad=False, **NHWC),
        [f32(2, 7, 8, 4)],
        pooled(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    ),
    *[
        op_case(f"{name}_long", define, [f32(*shape)], by_torch(expected))
        for name, define, shape, expected in (
            ("sum", lambda x: op.sum(x), (2, 1501), lambda x: x.sum()),
            ("mean", lambda x: op.mean(x, [2, 3]), (1, 6, 40, 33), lambda x: x.mean((2, 3))),
            ("mean_first", lambda x: op.mean(x, [0]), (2050, 5), lambda x: x.mean(0)),
            ("max", lambda x: op.max(x, [1]), (3, 4096), lambda x: x.amax(1)),
            ("min", lambda x: op.min(x, [0, 1]), (31, 41, 8), lambda x: x.amin((0, 1))),
            (
                "variance",
                lambda x: op.variance(x, [1]),
                (3, 1030),
                lambda x: x.var(1, correction=0),
            ),
            ("softmax", lambda x: op.nn.softmax(x), (2, 1111), lambda x: x.softmax(-1)),
        )
    ],
    pool_case("uneven", (1, 7, 5, 6), (3, 2)),
    pool_case("even", (2, 6, 4, 8), (3, 2)),
    pool_case("half", (1, 6, 5, 3), (3, 4)),
    pool_case("now_and_then", (1, 3, 13, 6), (2, 5)),  # The second and the fourth are longer.
    pool_case("longer", (1, 2, 3, 5), (3, 7)),
    pool_case("one", (1, "n", 5, 4), (1, 1), [{"n": 3}, {"n": 8}]),
    pool_case("size", (1, "n", 5, 4), (3, 2), [{"n": 3}, {"n": 8}]),
    Case(
        "cumsum",
        lambda: from_te(lambda x: topi.cumsum(x, 1), (3, 8)),
        [f32(3, 8)],
        by_torch(lambda x: x.cumsum(1)),
    ),
)
