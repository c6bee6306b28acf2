"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from pyjsml.kernels.ops.conv2d_transpose import Phases, conv2d_transpose
from pyjsml.kernels.ops.layout import PANEL
from tests.ops.cases.case import Binding, Case, by_torch, f32
from tests.ops.cases.weights import panels, unpacked
from tests.ops.functions import Size, from_te


def transpose_case(
    name: str,
    x: tuple[Size, Size, Size, int],
    out: int,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
    output_padding: tuple[int, int] = (0, 0),
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return a transposed convolution, in phases, of a picture to which a border is added."""
    packed = (panels(out), *kernel, x[3], PANEL)
    rows, columns = (
        Phases(kernel[axis], strides[axis], padding[axis], padding[axis] - output_padding[axis])
        for axis in (0, 1)
    )
    height, width = (
        size + sum(axis.border) if isinstance(size, int) else size
        for size, axis in ((x[1], rows), (x[2], columns))
    )
    x = (x[0], height, width, x[3])

    def define(data: Any, weight: Any) -> Any:
        return conv2d_transpose(data, weight, out, rows, columns)

    def expected(data: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        plain = torch.from_numpy(unpacked(weight.numpy(), out)).permute(3, 0, 1, 2)
        whole = F.conv_transpose2d(data.permute(0, 3, 1, 2), plain, None, strides)
        whole = F.pad(whole, (0, strides[1], 0, strides[0])).permute(0, 2, 3, 1)
        sizes = []
        for number, axis in enumerate((rows, columns)):
            count = axis.positions(data.shape[1 + number] - sum(axis.border))
            first = axis.start + axis.border[0] * axis.stride
            whole = whole.narrow(1 + number, first, count * axis.stride)
            sizes += [count, axis.stride]
        return whole.reshape(data.shape[0], *sizes, out)

    return Case(
        name,
        lambda: from_te(define, x, packed),
        [f32(*x), f32(*packed)],
        by_torch(expected),
        bindings,
    )


TRANSPOSED = (
    transpose_case("conv2d_transpose_stride", (1, 5, 4, 3), 6, (3, 3), (2, 2), (1, 1), (1, 1)),
    transpose_case("conv2d_transpose_plain", (2, 3, 3, 2), 9, (2, 3), (1, 1)),
    transpose_case("conv2d_transpose_uneven", (1, 4, 3, 3), 8, (4, 2), (3, 2), (1, 0), (2, 1)),
    transpose_case("conv2d_transpose_sparse", (1, 4, 4, 2), 3, (1, 2), (2, 3)),
    transpose_case("conv2d_transpose_rows", (1, 5, 14, 5), 19, (4, 5), (2, 2), (1, 2)),
    transpose_case(
        "conv2d_transpose_any_size",
        (1, "h", "w", 2),
        8,
        (3, 3),
        (2, 2),
        (1, 1),
        (1, 1),
        bindings=[{"h": 2, "w": 2}, {"h": 4, "w": 7}],
    ),
)
