"""Kernels of bytes, with what numpy makes of the same integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tvm import te

from pyjsml.kernels.int8 import int8
from pyjsml.kernels.ops import quantized
from pyjsml.kernels.ops.layout import PANEL
from tests.ops.byte_case import GROUP, ByteCase, case, convolved
from tests.ops.cases.case import Array, Binding
from tests.ops.cases.weights import panels
from tests.ops.depthwise_cases import DEPTHWISE_CASES
from tests.ops.functions import Size


def requantize(total: Array, offset: Array, scale: Array, zero_point: int, dtype: str) -> Array:
    """Quantise sums as the kernels define it, in float32."""
    limits = np.iinfo(dtype)
    value = (total + offset).astype(np.int32).astype(np.float32) * scale
    bounded = np.clip(np.rint(value) + zero_point, limits.min, limits.max)
    return np.asarray(bounded, dtype)


def behind(total: Any, offset: Any, scale: Any, zero_point: int, dtype: str) -> Any:
    """Return the tensor expression of `requantize`."""
    scaled = te.compute(
        total.shape,
        lambda *i: (total(*i) + offset(i[-1])).astype("float32") * scale(i[-1]),
        name="scaled",
    )
    return quantized.quantize(scaled, 1.0, zero_point, 0, dtype)


def matmul_case(
    name: str, rows: Size, depth: int, columns: int, zero_point: int = 128, dtype: str = "uint8"
) -> ByteCase:
    """Return a product whose sums are quantised again."""

    def define(a: Any, weight: Any, offset: Any, scale: Any) -> Any:
        return behind(int8.matmul_int8(a, weight, columns), offset, scale, zero_point, dtype)

    def expected(a: Array, weight: Array, offset: Array, scale: Array) -> Array:
        plain = weight.transpose(1, 3, 0, 2).reshape(depth, -1)[:, :columns].astype(np.int64)
        return requantize(a.astype(np.int64) @ plain, offset, scale / 1000, zero_point, dtype)

    specs = [
        ((rows, depth), "uint8"),
        ((panels(columns), depth // GROUP, PANEL, GROUP), "int8"),
        ((columns,), "int32"),
        ((columns,), "float32"),
    ]
    bindings: list[Binding] = [{rows: size} for size in (1, 9)] if isinstance(rows, str) else [{}]
    return case(
        name,
        lambda a, w, o, s: define(a, w, o, te.compute(s.shape, lambda n: s(n) / 1000)),
        specs,
        expected,
        bindings,
    )


def conv_case(
    name: str,
    x: tuple[int, int, int, int],
    out: int,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> ByteCase:
    """Return a convolution that gives its sums."""
    packed = (panels(out), *kernel, x[3] // GROUP, PANEL, GROUP)

    def expected(data: Array, weight: Array) -> Array:
        plain = weight.transpose(0, 4, 3, 5, 1, 2).reshape(-1, x[3], *kernel)[:out]
        return convolved(data, plain, strides, dilation, 1)

    return case(
        name,
        lambda data, weight: int8.conv2d_int8(data, weight, strides, dilation, out),
        [(x, "uint8"), (packed, "int8")],
        expected,
    )


def pack_case(
    name: str, define: Callable[[Any], Any], shape: Sequence[int], expected: Callable[..., Array]
) -> ByteCase:
    """Return a packing kernel that is generic in its dims."""
    names = [f"d{number}" for number in range(len(shape))]
    binding = dict(zip(names, shape, strict=True))
    return case(name, define, [(names, "int8")], expected, [binding])


def grouped(weight: Array, columns: int, depth: int) -> Array:
    """Pad [columns, depth, …] and part it: [panels, …, groups, PANEL, GROUP]."""
    sizes = (-columns % PANEL, -depth % GROUP)
    padded = np.pad(weight, [(0, sizes[0]), (0, sizes[1])] + [(0, 0)] * (weight.ndim - 2))
    parted = padded.reshape(-1, PANEL, padded.shape[1] // GROUP, GROUP, *weight.shape[2:])
    window = range(4, parted.ndim)
    return np.ascontiguousarray(parted.transpose(0, *window, 2, 1, 3))


def quantize_case(
    name: str, shape: Sequence[int], zero_point: int, dtype: str, reach: float = 150
) -> ByteCase:
    """Return a quantisation, half of whose elements lie just between two integers."""

    def define(x: Any, choice: Any) -> Any:
        halves = te.compute(
            x.shape, lambda *i: te.if_then_else(choice(*i) > 0, te.floor(x(*i)) + 0.5, x(*i))
        )
        return quantized.quantize(halves, 0.5, zero_point, 0, dtype)

    def expected(x: Array, choice: Array) -> Array:
        value = np.where(choice > 0, np.floor(x) + np.float32(0.5), x) / np.float32(0.5)
        limits = np.iinfo(dtype)
        bounded = np.clip(np.rint(value) + zero_point, limits.min, limits.max)
        return np.asarray(bounded, dtype)

    return case(name, define, [(shape, "float32"), (shape, "int8")], expected, reach=reach)


def pixels_case(name: str, shape: Sequence[Size], zero_point: int, scale: float) -> ByteCase:
    """Return the quantisation of a picture to pixels of a group of bytes."""

    def expected(x: Array) -> Array:
        value = np.clip(np.rint(x / np.float32(scale)) + zero_point, 0, 255).astype(np.uint8)
        missing = (0, GROUP - x.shape[1])
        return np.pad(value.transpose(0, 2, 3, 1), [(0, 0), (0, 0), (0, 0), missing])

    sizes = [size for size in shape if isinstance(size, str)]
    return case(
        name,
        lambda x: quantized.quantize_pixels(x, scale, zero_point),
        [(shape, "float32")],
        expected,
        [dict.fromkeys(sizes, size) for size in (1, 7, 37)] if sizes else [{}],
        reach=150,
    )


def dequantize_case(name: str, shape: Sequence[int], dtype: str) -> ByteCase:
    """Return a dequantisation with a scale per channel."""
    return case(
        name,
        lambda x, scale: quantized.dequantize(x, scale, 3, 1),
        [(shape, dtype), ((shape[1],), "float32")],
        lambda x, scale: (x.astype(np.float32) - 3) * scale[:, None],
    )


def offset_case(name: str, shape: Sequence[int]) -> ByteCase:
    """Return what the zero point takes off the sums of each output channel."""
    return case(
        name,
        quantized.zero_point_offset,
        [(shape, "int8"), ((), "int32")],
        lambda weight, zero: -weight.sum((1, 2, 3), dtype=np.int32) * zero,
        reach=255,
    )


INT8_CASES = (
    matmul_case("matmul_int8", 7, 12, 20),
    matmul_case("matmul_int8_row", 1, 40, 40, 0),
    matmul_case("matmul_int8_row_rest", 1, 8, 19, 255),
    matmul_case("matmul_int8_one_group", 5, 4, 3),
    matmul_case("matmul_int8_deep", 33, 2052, 8, -128, "int8"),
    matmul_case("matmul_int8_deepest", 5, 8200, 8),
    matmul_case("matmul_int8_rows", "rows", 12, 24, 127, "int8"),
    conv_case("conv2d_int8_1x1", (2, 5, 7, 8), 16, (1, 1)),
    conv_case("conv2d_int8_3x3", (1, 9, 11, 4), 13, (3, 3)),
    conv_case("conv2d_int8_strided", (1, 9, 12, 8), 24, (3, 2), (2, 2)),
    conv_case("conv2d_int8_dilated", (1, 9, 12, 12), 8, (3, 3), (1, 1), (2, 3)),
    *DEPTHWISE_CASES,
    pack_case(
        "pack_conv2d_int8",
        int8.pack_conv2d_int8,
        (13, 6, 3, 2),
        lambda w: grouped(w, 13, 6),
    ),
    pack_case("pack_matmul_int8", int8.pack_matmul_int8, (7, 10), lambda w: grouped(w.T, 10, 7)),
    pack_case(
        "pack_depthwise_int8",
        int8.pack_depthwise_int8,
        (16, 1, 5, 3),
        lambda w: grouped(w[:, 0], 16, 5),
    ),
    quantize_case("quantize_uint8", (3, 37), 255, "uint8"),
    quantize_case("quantize_int8", (50,), -128, "int8"),
    quantize_case("quantize_odd", (2, 3, 5), 7, "uint8"),
    quantize_case("quantize_far", (3, 40), 255, "uint8", 1e8),
    quantize_case("quantize_farther", (5, 16), 3, "int8", 1e38),
    quantize_case("quantize_int16", (3, 11), -300, "int16"),
    pixels_case("pixels", (1, 3, 5, 7), 0, 1.0),
    pixels_case("pixels_of_two", (2, 2, 9, 129), 255, 0.37),
    pixels_case("pixels_of_four", (1, 4, 32, 64), 13, 0.5),
    pixels_case("pixels_of_any", (2, 3, "height", "width"), 13, 0.7),
    dequantize_case("dequantize_uint8", (2, 3, 19), "uint8"),
    dequantize_case("dequantize_int8", (2, 5, 4), "int8"),
    case(
        "dequantize_by_one",
        lambda x, scale, zero: quantized.dequantize(x, scale, zero, 1),
        [((3, 7), "uint8"), ((1,), "float32"), ((1,), "uint8")],
        lambda x, scale, zero: (x.astype(np.float32) - zero) * scale,
    ),
    offset_case("zero_point_offset", (5, 3, 2, 3)),
    case(
        "column_offset",
        quantized.column_offset,
        [((9, 11), "int8"), ((), "int32")],
        lambda weight, zero: -weight.sum(0, dtype=np.int32) * zero,
        reach=255,
    ),
    case(
        "upper_bound",
        lambda x: quantized.upper_bound(x, False),
        [((7, 33), "float32")],
        lambda x: np.maximum(x.max(), np.float32(0)),
    ),
    case(
        "lower_bound",
        lambda x: quantized.upper_bound(x, True),
        [((130,), "float32")],
        lambda x: np.maximum((-x).max(), np.float32(0)),
    ),
)
