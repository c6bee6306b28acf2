"""Products of matrices, and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tvm import te

from pyjsml.kernels.ops.attention import Attention, Heads, attention
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.ops.matmul import batch_matmul, matmul, vector_matmul
from tests.ops.cases.case import EMPTY, SEQUENCES, Binding, Case, by_torch, f32
from tests.ops.cases.weights import panels, unpacked
from tests.ops.functions import Size, from_te


def matmul_case(
    name: str,
    rows: Sequence[Size],
    depth: Size,
    columns: int,
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return a product with a packed weight, and a bias."""
    packed: tuple[Size, ...] = (panels(columns), depth, PANEL)

    def define(a: Any, weight: Any, bias: Any) -> Any:
        result = matmul(a, weight, columns)
        return te.compute(result.shape, lambda *i: result(*i) + bias[i[-1]], "bias")

    def expected(a: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return a @ torch.from_numpy(unpacked(weight.numpy(), columns)).T + bias

    return Case(
        name,
        lambda: from_te(define, (*rows, depth), packed, (columns,)),
        [f32(*rows, depth), f32(*packed), f32(columns)],
        by_torch(expected),
        bindings,
    )


def attention_case(
    name: str, rows: Size, keys: int, depth: int = 8, *, masked: bool = False, **options: Any
) -> Case:
    """Return attention of 2 heads out of 5 that lie side by side, as a shared projection's do.

    Keys and mask are packed unless there is but one row.
    """
    packed = rows != 1
    along = (panels(keys), PANEL)
    by_position = Heads((0, 2, 1, 3), (0, 1, 0, 0), (None, 2, None, depth))
    attrs = Attention(by_position, by_position, by_position, 0.5, False, masked, True, packed)
    shapes: list[Sequence[Size]] = [(2, rows, 5, depth), (2, keys, 5, depth), (2, keys, 5, depth)]
    if packed:
        shapes[1] = (2, 2, along[0], depth, along[1])
    if masked:
        shapes.append((2, 1, rows, *along))

    def define(*tensors: Any) -> Any:
        return attention(attrs, *tensors)

    def expected(
        q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *mask: torch.Tensor
    ) -> torch.Tensor:
        q, v = (x[:, :, 1:3].transpose(1, 2) for x in (q, v))
        plain = k.transpose(3, 4).flatten(2, 3)[:, :, :keys] if packed else k[:, :, 1:3]
        k = plain if packed else plain.transpose(1, 2)
        scores = q @ k.transpose(2, 3) / 2 + sum(m.flatten(3)[..., :keys] for m in mask)
        return (scores.softmax(-1) @ v).transpose(1, 2)

    return Case(
        name,
        lambda: from_te(define, *shapes),
        [f32(*shape) for shape in shapes],
        by_torch(expected),
        **options,
    )


def batch_matmul_case(
    name: str, a: Sequence[Size], b: Sequence[Size], bindings: Sequence[Binding] = ({},)
) -> Case:
    """Return a product of two activations."""
    return Case(
        name,
        lambda: from_te(batch_matmul, a, b),
        [f32(*a), f32(*b)],
        by_torch(torch.matmul),
        bindings,
    )


PRODUCTS = (
    matmul_case("matmul_vector", (1,), 37, 80),
    matmul_case("matmul_vector_odd", (1,), 5, 13),
    matmul_case("matmul_vector_wide", (1,), 33, 61),
    matmul_case("matmul_far", (1,), 60, 4480),
    matmul_case("matmul_far_panel_left", (1,), 60, 4472),
    matmul_case("matmul_far_part_left", (1, 1), 60, 4483),
    matmul_case("matmul_far_panels_left", (1,), 61, 4477),
    matmul_case("matmul_two_rows", (2,), 9, 48),
    matmul_case("matmul_rows", (49,), 16, 24),
    matmul_case("matmul_one_column", (6,), 8, 1),
    matmul_case("matmul_leading", (2, 3, 5), 4, 12),
    matmul_case("matmul_deep", (3,), 1025, 8),
    matmul_case("matmul_any_rows", ("n",), 6, 20, EMPTY),
    matmul_case("matmul_any_rows_batch", (2, "n"), 6, 9, SEQUENCES),
    matmul_case("matmul_any_depth", (3,), "k", 8, [{"k": 1}, {"k": 10}]),
    matmul_case("matmul_vector_any_depth", (1,), "k", 8, [{"k": 1}, {"k": 10}]),
    attention_case("attention", 5, 7),
    attention_case("attention_blocks", 40, 16),
    attention_case("attention_blocks_and_rest", 37, 65, 12),
    attention_case("attention_many_keys", 9, 900),
    attention_case("attention_row", 1, 11),
    attention_case("attention_masked", 6, 13, masked=True),
    attention_case("attention_any_rows", "n", 13, bindings=EMPTY),
    Case(
        "vector_matmul",
        lambda: from_te(vector_matmul, (1, 83), (11, 83)),
        [f32(1, 83), f32(11, 83)],
        by_torch(lambda a, weight: a @ weight.T),
    ),
    batch_matmul_case("batch_matmul", (2, 3, 5, 7), (2, 3, 7, 6)),
    batch_matmul_case("batch_matmul_broadcast", (4, 1, 5, 7), (3, 7, 9)),
    batch_matmul_case("batch_matmul_scores", (2, "n", 8), (2, 8, "n"), SEQUENCES),
    batch_matmul_case("batch_matmul_values", (2, "n", "n"), (2, "n", 8), EMPTY),
    batch_matmul_case("batch_matmul_row", (3, 1, 4), (3, 4, 17)),
)
