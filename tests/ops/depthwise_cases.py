"""Depthwise convolutions of bytes: windows, steps and borders of all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyjsml.kernels.int8 import int8
from pyjsml.kernels.ops.conv2d import Window
from pyjsml.kernels.ops.layout import PANEL
from tests.ops.byte_case import GROUP, ByteCase, case, convolved
from tests.ops.cases.case import Array, Binding
from tests.ops.functions import Size


@dataclass(frozen=True)
class DepthwiseCase(ByteCase):
    """A kernel that reads weights of windows with `height` rows, packed with zeros behind them."""

    height: int = 0

    def _random(self, random: Any, shape: Sequence[Size], dtype: str, binding: Binding) -> Array:
        drawn = super()._random(random, shape, dtype, binding)
        if dtype == "int8":
            rows = np.arange(drawn.shape[2])[:, None, None] * GROUP + np.arange(GROUP)
            drawn = np.where(rows < self.height, drawn, np.int8(0))
        return drawn


def depthwise_case(
    name: str,
    x: tuple[int, int, int, int],
    kernel: tuple[int, int],
    window: Window,
    border: int = 0,
) -> ByteCase:
    """Return a depthwise convolution that gives its sums."""
    height, width = kernel
    packed = (x[3] // PANEL, width, -(-height // GROUP), PANEL, GROUP)
    top, left, bottom, right = window.padding

    def expected(data: Array, weight: Array) -> Array:
        columns = weight.transpose(0, 3, 2, 4, 1).reshape(x[3], 1, -1, width)
        sizes = [(0, 0), (top, bottom), (left, right), (0, 0)]
        padded = np.pad(data, sizes, constant_values=border)
        taps = columns[:, :, :height]
        return convolved(padded, taps, window.strides, window.dilation, x[3])

    plain = case(
        name,
        lambda data, weight: int8.depthwise_int8(data, weight, height, window, border),
        [(x, "uint8"), (packed, "int8")],
        expected,
    )
    return DepthwiseCase(**vars(plain), height=height)


def same(border: int, strides: tuple[int, int] = (1, 1)) -> Window:
    """Return a window on a picture with a border all around it."""
    return Window(strides, padding=(border,) * 4)


def uneven() -> Window:
    """Return a window on a picture that has a border to the right and below."""
    return Window((1, 1), padding=(0, 0, 1, 2))


DEPTHWISE_CASES = (
    depthwise_case("depthwise_int8_3x3", (1, 9, 12, 16), (3, 3), Window((1, 1))),
    depthwise_case("depthwise_int8_strided", (2, 9, 8, 8), (3, 3), Window((2, 2))),
    depthwise_case("depthwise_int8_5x5", (1, 9, 10, 8), (5, 5), Window((1, 1))),
    depthwise_case("flat_window", (1, 2, 11, 24), (1, 4), Window((1, 1))),
    depthwise_case("depthwise_int8_dilated", (1, 9, 12, 8), (2, 3), Window((1, 1), (3, 2))),
    depthwise_case("depthwise_int8_border", (2, 7, 19, 16), (3, 3), same(1), 131),
    depthwise_case("depthwise_int8_zeros", (1, 8, 20, 8), (3, 3), same(1), 0),
    depthwise_case("depthwise_int8_border_strided", (2, 10, 21, 8), (3, 3), same(1, (2, 2)), 9),
    depthwise_case("depthwise_int8_border_5x5", (1, 6, 9, 8), (5, 5), same(2), 255),
    depthwise_case("depthwise_int8_border_2x3", (1, 6, 9, 8), (2, 3), uneven(), 77),
    depthwise_case("depthwise_int8_pixel", (1, 1, 1, 16), (3, 3), same(1), 200),
    depthwise_case("depthwise_int8_row", (1, 1, 9, 8), (3, 3), same(1), 3),
    depthwise_case("depthwise_int8_column", (2, 9, 1, 8), (3, 3), same(1), 3),
    depthwise_case("depthwise_int8_two_rows", (3, 2, 2, 8), (3, 3), same(1), 128),
    depthwise_case("wide_border", (1, 3, 4, 8), (3, 3), same(4), 66),
    depthwise_case(
        "depthwise_int8_border_dilated",
        (1, 7, 9, 8),
        (3, 3),
        Window((1, 1), (2, 2), (2, 2, 2, 2)),
        41,
    ),
)
