"""Convolutions of groups of channels, and of each channel by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812

from pyjsml.kernels.ops.conv2d import Window, group_conv2d
from pyjsml.kernels.ops.depthwise import depthwise_conv2d
from tests.ops.cases.case import Binding, Case, by_torch, f32
from tests.ops.cases.convolutions import bordered
from tests.ops.functions import Size, from_te


def group_case(
    name: str, channels: int, out: int, groups: int, strides: tuple[int, int] = (1, 1)
) -> Case:
    """Return a grouped convolution of a 7 × 8 picture by 3 × 2 kernels."""
    x, weight = (2, 7, 8, channels), (3, 2, channels // groups, out)

    def expected(data: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        result = F.conv2d(
            data.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), stride=strides, groups=groups
        )
        return result.permute(0, 2, 3, 1)

    return Case(
        name,
        lambda: from_te(lambda d, k: group_conv2d(d, k, groups, Window(strides)), x, weight),
        [f32(*x), f32(*weight)],
        by_torch(expected),
    )


def depthwise_case(
    name: str,
    x: tuple[Size, Size, Size, Size],
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    bindings: Sequence[Binding] = ({},),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Case:
    """Return a depthwise convolution."""
    weight = (*kernel, x[3])
    window = Window(strides, dilation, padding)

    def expected(data: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
        result = F.conv2d(
            bordered(data, padding),
            taps.permute(2, 0, 1)[:, None],
            None,
            strides,
            0,
            dilation,
            data.shape[3],
        )
        return result.permute(0, 2, 3, 1)

    return Case(
        name,
        lambda: from_te(lambda d, k: depthwise_conv2d(d, k, window), x, weight),
        [f32(*x), f32(*weight)],
        by_torch(expected),
        bindings,
    )


GROUPS = (
    group_case("group_conv2d", 6, 8, 2),
    group_case("group_conv2d_wide", 8, 24, 2, (2, 1)),
    group_case("group_conv2d_multiplier", 3, 9, 3),
    depthwise_case("depthwise", (1, 9, 9, 13)),
    depthwise_case("depthwise_stride", (2, 9, 8, 16), (3, 3), (2, 2)),
    depthwise_case("depthwise_dilation", (1, 11, 12, 4), (3, 2), (1, 1), (2, 2)),
    depthwise_case("depthwise_one_channel", (1, 5, 5, 1)),
    depthwise_case("depthwise_border", (1, 14, 15, 32), padding=(1, 1, 1, 1)),
    depthwise_case("depthwise_border_odd", (2, 5, 7, 13), (5, 5), padding=(2, 2, 2, 2)),
    depthwise_case("depthwise_border_stride", (1, 9, 19, 8), (3, 3), (2, 2), padding=(0, 0, 1, 1)),
    depthwise_case("depthwise_border_all", (1, 3, 2, 20), (5, 5), padding=(2, 2, 2, 2)),
    depthwise_case(
        "depthwise_any_size",
        ("n", "h", "w", "c"),
        bindings=[{"n": 1, "h": 3, "w": 3, "c": 1}, {"n": 2, "h": 5, "w": 6, "c": 11}],
    ),
)
