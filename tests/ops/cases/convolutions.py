"""Convolutions of all channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from tvm import te, tirx

from pyjsml.kernels.ops.conv2d import Window, conv2d, narrow_conv2d
from pyjsml.kernels.ops.layout import PANEL
from tests.ops.cases.case import Binding, Case, by_torch, f32
from tests.ops.cases.weights import panels, unpacked
from tests.ops.functions import Size, from_te


def clipped(value: Any) -> Any:
    """Clip a TIR value to 0..6."""
    zero, six = tirx.const(0, "float32"), tirx.const(6, "float32")
    return te.min(te.max(value, zero), six)


def bordered(data: torch.Tensor, padding: tuple[int, int, int, int]) -> torch.Tensor:
    """Return an NHWC picture as NCHW, with zeros at its top, left, bottom and right."""
    top, left, bottom, right = padding
    return F.pad(data.permute(0, 3, 1, 2), (left, right, top, bottom))


def conv_case(
    name: str,
    x: tuple[Size, Size, Size, int],
    out: int,
    kernel: tuple[int, int] = (1, 1),
    strides: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    bindings: Sequence[Binding] = ({},),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Case:
    """Return a convolution with a bias and a clip behind it."""
    packed = (panels(out), *kernel, x[3], PANEL)
    window = Window(strides, dilation, padding)

    def define(data: Any, weight: Any, bias: Any) -> Any:
        result = conv2d(data, weight, out, window)
        return te.compute(result.shape, lambda *i: clipped(result(*i) + bias[i[-1]]), "clip")

    def expected(data: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        plain = torch.from_numpy(unpacked(weight.numpy(), out)).permute(0, 3, 1, 2)
        result = F.conv2d(bordered(data, padding), plain, bias, strides, 0, dilation)
        return result.clip(0, 6).permute(0, 2, 3, 1)

    return Case(
        name,
        lambda: from_te(define, x, packed, (out,)),
        [f32(*x), f32(*packed), f32(out)],
        by_torch(expected),
        bindings,
    )


def narrow_case(
    name: str,
    x: tuple[Size, Size, Size, int],
    out: int,
    kernel: tuple[int, int] = (1, 1),
    strides: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return a convolution to few channels, with a bias and a clip behind it."""
    weight = (out, *kernel, x[3])

    def define(data: Any, taps: Any, bias: Any) -> Any:
        result = narrow_conv2d(data, taps, Window(strides, (1, 1), padding))
        return te.compute(result.shape, lambda *i: clipped(result(*i) + bias[i[-1]]), "clip")

    def expected(data: torch.Tensor, taps: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        plain = taps.permute(0, 3, 1, 2)
        result = F.conv2d(bordered(data, padding), plain, bias, strides)
        return result.clip(0, 6).permute(0, 2, 3, 1)

    return Case(
        name,
        lambda: from_te(define, x, weight, (out,)),
        [f32(*x), f32(*weight), f32(out)],
        by_torch(expected),
        bindings,
    )


def residual_case() -> Case:
    """Return a convolution whose result is added to another tensor."""

    def define(data: Any, weight: Any, other: Any) -> Any:
        result = conv2d(data, weight, 12, Window((1, 1)))
        return te.compute(result.shape, lambda *i: result(*i) + other(*i), "add")

    def expected(data: torch.Tensor, weight: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        plain = torch.from_numpy(unpacked(weight.numpy(), 12)).permute(0, 3, 1, 2)
        return F.conv2d(data.permute(0, 3, 1, 2), plain).permute(0, 2, 3, 1) + other

    shapes = [(1, 7, 7, 5), (2, 1, 1, 5, PANEL), (1, 7, 7, 12)]
    return Case(
        "conv2d_residual",
        lambda: from_te(define, *shapes),
        [f32(*shape) for shape in shapes],
        by_torch(expected),
    )


def square_case() -> Case:
    """Return a pointwise convolution with an output of the shape of its input."""

    def expected(data: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        plain = torch.from_numpy(unpacked(weight.numpy(), 16))[:, 0, 0]
        return data @ plain.T

    shapes = [(1, 3, 5, 16), (2, 1, 1, 16, PANEL)]
    return Case(
        "conv2d_square",
        lambda: from_te(lambda x, w: conv2d(x, w, 16, Window((1, 1))), *shapes),
        [f32(*shape) for shape in shapes],
        by_torch(expected),
    )


CONVOLUTIONS = (
    conv_case("conv2d_pointwise", (1, 7, 7, 5), 13),
    conv_case("conv2d_pointwise_batch", ("n", 3, 5, 4), 8, bindings=[{"n": 1}, {"n": 3}]),
    conv_case("conv2d_3x3", (1, 9, 8, 3), 16, (3, 3)),
    conv_case("conv2d_stride", (2, 9, 11, 7), 3, (3, 2), (2, 3)),
    conv_case("conv2d_dilation", (1, 11, 9, 4), 9, (3, 3), (1, 1), (2, 3)),
    conv_case("conv2d_one_pixel", (1, 3, 3, 2), 1, (3, 3)),
    conv_case("conv2d_border", (1, 5, 11, 5), 9, (3, 3), padding=(1, 1, 1, 1)),
    conv_case("conv2d_border_stride", (2, 12, 21, 3), 12, (7, 7), (2, 2), padding=(3, 3, 2, 3)),
    conv_case("conv2d_border_narrow", (1, 4, 2, 6), 16, (5, 5), padding=(2, 2, 2, 2)),
    conv_case("conv2d_border_column", (1, 9, 1, 4), 8, (3, 3), padding=(1, 1, 1, 1)),
    conv_case("conv2d_border_uneven", (1, 4, 30, 2), 5, (2, 4), (1, 3), padding=(0, 2, 1, 0)),
    conv_case(
        "conv2d_border_dilation", (1, 9, 12, 4), 8, (3, 3), (1, 1), (2, 4), padding=(2, 4, 2, 4)
    ),
    conv_case("conv2d_border_only", (1, 2, 2, 3), 8, (2, 2), (3, 3), padding=(3, 3, 3, 3)),
    conv_case(
        "conv2d_border_batch",
        ("n", 6, 9, 3),
        8,
        (3, 3),
        padding=(1, 1, 1, 1),
        bindings=[{"n": 1}, {"n": 3}],
    ),
    conv_case(
        "conv2d_any_size",
        (1, "h", "w", 3),
        10,
        (3, 3),
        bindings=[{"h": 3, "w": 3}, {"h": 5, "w": 13}],
    ),
    residual_case(),
    square_case(),
    narrow_case("narrow_one", (1, 7, 21, 8), 1, (3, 3)),
    narrow_case("narrow_two", (2, 4, 9, 12), 2),
    narrow_case("narrow_three", (1, 6, 17, 4), 3, (5, 5), padding=(2, 2, 2, 2)),
    narrow_case("narrow_four", (1, 9, 10, 8), 4, (3, 4), (2, 2), (0, 1, 1, 2)),
    narrow_case(
        "narrow_any_size",
        ("n", "h", "w", 4),
        3,
        (2, 2),
        bindings=[{"n": 1, "h": 2, "w": 2}, {"n": 2, "h": 5, "w": 9}],
    ),
)
