"""Convolutions by Winograd's minimal filtering, with what torch computes in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from tvm import te, tirx, topi

from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.winograd.transforms import F2, F4, Points, transform_weight
from pyjsml.kernels.winograd.winograd import winograd_conv2d
from tests.ops.functions import from_te

Array = NDArray[Any]

BOUNDS = {F2: 2e-7, F4: 1e-6}
"""The error that is allowed, as a part of the greatest sum of the products' magnitudes."""


def transformed(weight: Array, points: Points) -> Array:
    """Return [O, I, 3, 3] as the kernel reads it: [panels, m + 2, m + 2, I, PANEL]."""
    rows = np.array(transform_weight(points, [*np.eye(3)]))
    turned = np.einsum("ya,oiab,zb->oiyz", rows, weight.astype(np.float64), rows)
    out, inputs, size, _ = turned.shape
    turned = np.pad(turned, [(0, -out % PANEL), (0, 0), (0, 0), (0, 0)])
    panels = turned.reshape(-1, PANEL, inputs, size, size)
    return np.ascontiguousarray(panels.transpose(0, 3, 4, 2, 1), np.float32)


class Convolution:
    """A convolution with arrays to call it with."""

    def __init__(
        self,
        name: str,
        shape: tuple[int, int, int, int],
        out: int,
        points: Points,
        padding: tuple[int, int, int, int] = (1, 1, 1, 1),
        after: str = "",
    ) -> None:
        self.name, self.points, self.padding, self.after = name, points, padding, after
        random = np.random.default_rng(len(name))
        batch, height, width, inputs = shape
        self.x = random.uniform(-2, 2, shape).astype(np.float32)
        self.weight = random.uniform(-2, 2, (out, inputs, 3, 3)).astype(np.float32)
        top, left, bottom, right = padding
        self.shape = (batch, height + top + bottom - 2, width + left + right - 2, out)
        self.others: list[Array] = []
        if after:
            self.others = [random.uniform(-2, 2, (1, 1, 1, out)).astype(np.float32)]
        if after == "residual":
            self.others += [random.uniform(-2, 2, self.shape).astype(np.float32)]

    @property
    def inputs(self) -> list[Array]:
        return [self.x, transformed(self.weight, self.points), *self.others]

    def build(self) -> tirx.PrimFunc:
        def define(x: te.Tensor, weight: te.Tensor, *others: te.Tensor) -> te.Tensor:
            result = winograd_conv2d(x, weight, self.padding, self.points, self.shape[-1])
            for other in others:
                result = topi.add(result, other)
            if self.after == "sigmoid":
                sigmoid = topi.sigmoid(result)
                result = topi.add(topi.multiply(result, sigmoid), sigmoid)
            return topi.nn.relu(result) if self.after == "residual" else result

        return from_te(define, *[array.shape for array in self.inputs])

    def expected(self) -> tuple[Array, float]:
        """Return the result in float64, and the greatest sum of magnitudes."""
        top, left, bottom, right = self.padding

        def convolve(x: Array, weight: Array) -> Any:
            plain = torch.tensor(x.astype(np.float64)).permute(0, 3, 1, 2)
            padded = F.pad(plain, (left, right, top, bottom))
            return F.conv2d(padded, torch.tensor(weight.astype(np.float64))).permute(0, 2, 3, 1)

        result = convolve(self.x, self.weight)
        for other in self.others:
            result = result + torch.tensor(other)
        if self.after == "sigmoid":
            result = F.silu(result) + F.sigmoid(result)
        if self.after == "residual":
            result = F.relu(result)
        magnitude = convolve(np.abs(self.x), np.abs(self.weight)).max()
        return np.asarray(result), float(magnitude)


CONVOLUTIONS = [
    convolution
    for points, name in ((F2, "f2"), (F4, "f4"))
    for convolution in (
        Convolution(f"{name}_whole_tiles", (1, 8, 8, 4), 8, points),
        Convolution(f"{name}_odd", (1, 13, 11, 8), 16, points),
        Convolution(f"{name}_one_pixel", (1, 1, 1, 4), 8, points),
        Convolution(f"{name}_narrow", (1, 2, 9, 12), 8, points),
        Convolution(f"{name}_no_border", (1, 9, 10, 4), 8, points, (0, 0, 0, 0)),
        Convolution(f"{name}_uneven_border", (1, 6, 7, 4), 24, points, (2, 0, 1, 3)),
        Convolution(f"{name}_batch", (3, 7, 6, 8), 8, points, after="sigmoid"),
        Convolution(f"{name}_blocks", (1, 45, 38, 8), 16, points, after="residual"),
        Convolution(f"{name}_groups", (1, 5, 6, 8), 512, points, after="residual"),
        Convolution(f"{name}_deep", (1, 10, 9, 160), 8, points, after="sigmoid"),
        Convolution(f"{name}_broken_vectors", (1, 6, 7, 6), 13, points),
    )
]


def assert_close(found: Array, convolution: Convolution) -> None:
    """Assert that `found` is as near to the result as its points allow."""
    expected, magnitude = convolution.expected()
    error = np.abs(found - expected).max()
    assert error <= BOUNDS[convolution.points] * magnitude
