"""Products and convolutions of a concatenation, whose parts are read where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from tvm import te, topi

from pyjsml.kernels.ops.conv2d import Window, conv2d
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.ops.matmul import matmul
from tests.ops.cases.case import SEQUENCES, Binding, Case, by_torch, f32
from tests.ops.cases.convolutions import bordered, clipped
from tests.ops.cases.weights import panels, unpacked
from tests.ops.functions import Size, from_te


def matmul_case(
    name: str, rows: Size, parts: Sequence[int], columns: int, bindings: Sequence[Binding] = ({},)
) -> Case:
    """Return a product of `parts` side by side with a packed weight, and a bias."""
    packed = (panels(columns), sum(parts), PANEL)
    shapes: list[Sequence[Size]] = [packed, (columns,), *((rows, part) for part in parts)]

    def define(weight: Any, bias: Any, *tensors: Any) -> Any:
        result = matmul(topi.concatenate(tensors, 1), weight, columns)
        return te.compute(result.shape, lambda i, j: result(i, j) + bias[j], "bias")

    def expected(weight: torch.Tensor, bias: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        plain = torch.from_numpy(unpacked(weight.numpy(), columns))
        return F.linear(torch.cat(tensors, 1), plain, bias)

    return Case(
        name,
        lambda: from_te(define, *shapes),
        [f32(*shape) for shape in shapes],
        by_torch(expected),
        bindings,
    )


def conv_case(
    name: str,
    picture: Sequence[Size],
    parts: Sequence[int],
    strides: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> Case:
    """Return a 3×3 convolution of the channels of `parts`, with a clip behind it."""
    out, window = 12, Window(strides, (1, 1), padding)
    packed = (panels(out), 3, 3, sum(parts), PANEL)
    shapes: list[Sequence[Size]] = [packed, *((*picture, part) for part in parts)]

    def define(weight: Any, *tensors: Any) -> Any:
        result = conv2d(topi.concatenate(tensors, 3), weight, out, window)
        return te.compute(result.shape, lambda *i: clipped(result(*i)), "clip")

    def expected(weight: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        plain = torch.from_numpy(unpacked(weight.numpy(), out)).permute(0, 3, 1, 2)
        data = bordered(torch.cat(tensors, 3), padding)
        result = F.conv2d(data, plain, None, strides)
        return result.clip(0, 6).permute(0, 2, 3, 1)

    return Case(
        name,
        lambda: from_te(define, *shapes),
        [f32(*shape) for shape in shapes],
        by_torch(expected),
    )


PARTS = (
    matmul_case("matmul_of_parts", 9, (4, 12, 8), 20),
    matmul_case("matmul_of_odd_parts", 7, (3, 1, 5), 17),
    matmul_case("matmul_of_parts_few_rows", 2, (8, 24), 16),
    matmul_case("matmul_of_parts_wide", 6, (256, 64), 264),
    matmul_case("matmul_of_parts_any_rows", "n", (4, 4, 4, 4), 24, SEQUENCES),
    conv_case("conv_of_parts", (2, 7, 6), (4, 8), (1, 1), (1, 1, 1, 1)),
    conv_case("conv_of_parts_strided", (1, 9, 8), (8, 4, 4), (2, 2), (0, 0, 1, 1)),
)
