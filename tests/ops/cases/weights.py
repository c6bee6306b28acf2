"""Weights as kernels read them, and the kernels that pack them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyjsml.kernels.ops.conv2d import pack_conv2d, pack_group_conv2d, pack_narrow_conv2d
from pyjsml.kernels.ops.conv2d_transpose import pack_conv2d_transpose
from pyjsml.kernels.ops.depthwise import pack_depthwise
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.ops.matmul import pack_matmul, pack_matmul_transposed
from tests.ops.cases.case import Array, Case, f32
from tests.ops.functions import from_te


def panels(columns: int) -> int:
    """Return how many panels `columns` fill."""
    return -(-columns // PANEL)


def unpacked(weight: Array, columns: int) -> Array:
    """Return a packed weight [panels, *rest, PANEL] as [columns, *rest]."""
    moved = np.moveaxis(weight, -1, 1)
    return moved.reshape(-1, *moved.shape[2:])[:columns]


def dilated(weight: Array, steps: tuple[int, int]) -> Array:
    """Return a weight [.., .., KH, KW] with zeros between its taps."""
    sizes = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], steps, strict=True)]
    spread = np.zeros((*weight.shape[:2], *sizes), weight.dtype)
    spread[:, :, :: steps[0], :: steps[1]] = weight
    return spread


def pack_case(
    name: str,
    define: Callable[[Any], Any],
    shape: Sequence[str],
    columns: int,
    bindings: Sequence[Sequence[int]],
    order: Sequence[int],
) -> Case:
    """Return a packing kernel: axis `columns` goes into panels, the others in `order` between."""

    def expected(weight: Array) -> Array:
        plain = np.transpose(weight, (columns, *order))
        padded = np.zeros((panels(plain.shape[0]) * PANEL, *plain.shape[1:]), np.float32)
        padded[: plain.shape[0]] = plain
        return np.moveaxis(padded.reshape(-1, PANEL, *plain.shape[1:]), 1, -1)

    return Case(
        name,
        lambda: from_te(define, shape),
        [f32(*shape)],
        expected,
        [dict(zip(shape, binding, strict=True)) for binding in bindings],
    )


PACKINGS = (
    Case(
        "pack_narrow_conv2d",
        lambda: from_te(pack_narrow_conv2d, ("o", "i", "h", "w")),
        [f32("o", "i", "h", "w")],
        lambda w: np.transpose(w, (0, 2, 3, 1)),
        [{"o": 3, "i": 4, "h": 2, "w": 5}, {"o": 1, "i": 8, "h": 1, "w": 1}],
    ),
    pack_case("pack_conv2d", pack_conv2d, "oihw", 0, [(1, 1, 1, 1), (13, 2, 3, 2)], (2, 3, 1)),
    pack_case(
        "pack_conv2d_transpose",
        pack_conv2d_transpose,
        "iohw",
        1,
        [(1, 8, 1, 1), (2, 9, 3, 2)],
        (2, 3, 0),
    ),
    Case(
        "pack_conv2d_transpose_dilated",
        lambda: from_te(lambda w: pack_conv2d_transpose(w, (2, 3)), ("i", PANEL, "h", "w")),
        [f32("i", PANEL, "h", "w")],
        lambda w: dilated(w, (2, 3)).transpose(2, 3, 0, 1)[None],
        [{"i": 2, "h": 1, "w": 2}, {"i": 1, "h": 2, "w": 3}],
    ),
    pack_case("pack_matmul", pack_matmul, "kn", 1, [(1, 1), (5, 17)], (0,)),
    pack_case("pack_matmul_transposed", pack_matmul_transposed, "nk", 0, [(1, 1), (17, 5)], (1,)),
    Case(
        "pack_depthwise",
        lambda: from_te(pack_depthwise, ("c", 1, "h", "w")),
        [f32("c", 1, "h", "w")],
        lambda w: np.transpose(w[:, 0], (1, 2, 0)),
        [{"c": 1, "h": 3, "w": 3}, {"c": 7, "h": 2, "w": 5}],
    ),
    Case(
        "pack_group_conv2d",
        lambda: from_te(pack_group_conv2d, tuple("oihw")),
        [f32(*"oihw")],
        lambda w: np.transpose(w, (2, 3, 1, 0)),
        [{"o": 6, "i": 2, "h": 3, "w": 1}],
    ),
)
