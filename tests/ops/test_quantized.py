"""Quantised operators compute what they do in ONNX Runtime.

Sums of integers are exact. What is quantised may be the neighbouring integer where the float before
it lies within a rounding error of the middle between two: at most one element in two hundred, or
one of a small tensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pyjsml import Bundle, Executor, api
from pyjsml.program import Isa
from tests.support.quantized import MICROSOFT, Graph

NEIGHBOURS = 1 / 200
HOSTS: tuple[tuple[str, Isa | None], ...] = (
    ("v8", None),
    ("v8", "simd128"),
    ("pythonmonkey", None),
)


def convolutions(g: Graph) -> None:
    """Add QLinearConv with all kinds of windows, sizes, zero points and weights."""
    windows: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
        ((1, 8, 5, 7), (16, 8, 1, 1), {}),
        ((2, 3, 9, 11), (13, 3, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ((1, 5, 8, 8), (8, 5, 3, 2), {"pads": [1, 0, 2, 1], "dilations": [2, 1]}),
        ((1, 16, 9, 7), (16, 1, 3, 3), {"group": 16, "pads": [1, 1, 1, 1]}),
        ((1, 8, 9, 9), (8, 1, 5, 5), {"group": 8, "pads": [2, 2, 2, 2], "strides": [2, 2]}),
        ((1, 6, 6, 6), (6, 1, 3, 3), {"group": 6}),
        ((1, 8, 6, 6), (12, 4, 3, 3), {"group": 2}),
    ]
    for (shape, kernel, attributes), dtype in product(windows, ("uint8", "int8")):
        limits = np.iinfo(dtype)
        for zero, per_channel in ((limits.min, True), (limits.max, False), (3, True)):
            scale = g.scales(kernel[0]) if per_channel else g.scales()
            bias = g.random.integers(-5000, 5000, kernel[0], np.int32)
            inputs = [
                g.input(g.bytes(shape, dtype)),
                g.weight(np.float32(0.02)),
                g.weight(np.array(zero, dtype)),
                g.weight(g.bytes(kernel, "int8")),
                g.weight(scale),
                g.weight(np.zeros(scale.shape, np.int8)),
                g.weight(np.float32(0.05)),
                g.weight(np.array(limits.max - 100, dtype)),
            ]
            if zero != 3:
                inputs.append(g.weight(bias))
            g.output(g.node("QLinearConv", inputs, **attributes))


def chains(g: Graph) -> None:
    """Add networks of quantised floats: convolution, activation, sum, pool, product."""
    for dtype, activation in product(("uint8", "int8"), ("Relu", "Clip", "")):
        lowest = np.iinfo(dtype).min
        quantize, weight = partial(quantized, g, dtype=dtype), partial(dequantized_weight, g)
        x = quantize(g.input(g.floats((1, 3, 9, 9))), 0.016, lowest + 128)
        bias = g.weight(g.floats((8,)))
        y = g.node("Conv", [x, weight((8, 3, 3, 3)), bias], pads=[1, 1, 1, 1])
        if activation == "Relu":
            y = g.node("Relu", [y])
        elif activation == "Clip":
            y = g.node("Clip", [y, g.weight(np.float32(-0.5)), g.weight(np.float32(6))])
        y = quantize(y, 0.05, lowest if activation == "Relu" else lowest + 100)
        z = quantize(g.node("Conv", [y, weight((8, 8, 1, 1))]), 0.1, lowest + 120)
        total = quantize(g.node("Add", [y, z]), 0.1, lowest + 130)
        pooled = g.node("MaxPool", [total], kernel_shape=[2, 2], strides=[2, 2])
        joined = g.node("Concat", [quantize(pooled, 0.1, lowest + 130), pooled], axis=1)
        mean = quantize(g.node("GlobalAveragePool", [joined]), 0.05, lowest + 128)
        flat = g.node("Flatten", [mean])
        bias = g.weight(g.floats((10,)))
        g.output(g.node("Gemm", [flat, weight((10, 16)), bias], transB=1))
        g.output(quantize(g.node("MatMul", [flat, weight((16, 9), 1)]), 0.02, lowest + 99))


def pictures(g: Graph) -> None:
    """Add networks that quantise a picture, convolve it, and then each channel by itself."""
    windows: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
        (3, {"pads": [1, 1, 1, 1], "strides": [2, 2]}, {"pads": [1, 1, 1, 1]}),
        (1, {"pads": [0, 2, 1, 0]}, {"pads": [2, 0, 0, 1], "strides": [2, 1]}),
        (4, {}, {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        (2, {"pads": [1, 0, 0, 0]}, {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    ]
    for (channels, first, second), (dtype, zero) in product(
        windows, (("uint8", 0), ("uint8", 77), ("int8", -128), ("int8", 5))
    ):
        x = quantized(g, g.input(g.floats((1, channels, 17, 23))), 0.016, zero, dtype)
        y = g.node("Conv", [x, dequantized_weight(g, (16, channels, 3, 3))], **first)
        y = quantized(g, y, 0.05, zero, dtype)
        z = g.node("Conv", [y, dequantized_weight(g, (16, 1, 3, 3))], group=16, **second)
        g.output(quantized(g, z, 0.1, zero, dtype))


def quantized(g: Graph, x: str, scale: float, zero: int, dtype: str) -> str:
    """Add a quantisation of `x` and what takes it back."""
    numbers = [g.weight(np.float32(scale)), g.weight(np.array(zero, dtype))]
    return g.node("DequantizeLinear", [g.node("QuantizeLinear", [x, *numbers]), *numbers])


def dequantized_weight(g: Graph, shape: tuple[int, ...], axis: int = 0) -> str:
    """Add a weight that is quantised along `axis`, that of its output channels."""
    scale = g.weight(g.scales(shape[axis]))
    return g.node("DequantizeLinear", [g.weight(g.bytes(shape, "int8")), scale], axis=axis)


def products(g: Graph) -> None:
    """Add products of integers and of quantised matrices."""
    for rows, depth, columns in ((7, 12, 20), (1, 9, 8), (33, 40, 5)):
        weight = g.weight(g.bytes((depth, columns), "int8"))
        for zero in (0, 255, 100):
            zeros = [g.weight(np.uint8(zero)), g.weight(np.int8(0))]
            data = g.input(g.bytes((2, rows, depth), "uint8"))
            g.output(g.node("MatMulInteger", [data, weight, *zeros]))
        signed = g.input(g.bytes((rows, depth), "int8"))
        g.output(g.node("MatMulInteger", [signed, weight]))
        columnwise = g.weight(g.bytes((columns,), "uint8"))
        unsigned = g.weight(g.bytes((depth, columns), "uint8"))
        data = g.input(g.bytes((rows, depth), "uint8"))
        g.output(g.node("MatMulInteger", [data, unsigned, g.weight(np.uint8(7)), columnwise]))
        floats = g.input(g.floats((rows, depth)))
        quantized, scale, zero_point = (
            f"{g.node('DynamicQuantizeLinear', [floats], count=3)[:-1]}{number}"
            for number in range(3)
        )
        g.output(quantized)
        g.output(scale)
        g.output(zero_point)
        scales = g.weight(g.scales(columns))
        bias = g.weight(g.floats((columns,)))
        zero_points = g.weight(np.zeros(columns, np.int8))
        inputs = [floats, weight, scales, zero_points, bias]
        g.output(g.node("DynamicQuantizeMatMul", inputs, MICROSOFT))
        inputs = [quantized, weight, scale, scales, zero_point, zero_points, bias]
        g.output(g.node("MatMulIntegerToFloat", inputs, MICROSOFT))
        for right in (weight, g.input(g.bytes((depth, columns), "int8"))):
            parts = [
                *[g.input(g.bytes((rows, depth), "uint8")), g.weight(np.float32(0.02))],
                *[g.weight(np.uint8(11)), right, g.weight(np.float32(0.004))],
                *[g.weight(np.int8(0)), g.weight(np.float32(0.05)), g.weight(np.uint8(200))],
            ]
            g.output(g.node("QLinearMatMul", parts))
    kernel = g.weight(g.bytes((6, 3, 3, 3), "uint8"))
    zeros = [g.weight(np.uint8(5)), g.weight(np.uint8(130))]
    data = g.input(g.bytes((1, 3, 7, 8), "uint8"))
    g.output(g.node("ConvInteger", [data, kernel, *zeros], pads=[1, 1, 1, 1]))


def elements(g: Graph) -> None:
    """Add quantisation by tensor and by axis, and Microsoft's element-wise operators."""
    for dtype in ("uint8", "int8", "uint16", "int16"):
        data = g.input(g.floats((3, 5, 7), 40))
        middle = np.array(int(np.mean([np.iinfo(dtype).min, np.iinfo(dtype).max])), dtype)
        numbers = [g.weight(np.array([0.25], np.float32)), g.weight(middle.reshape(1))]
        g.output(g.node("DequantizeLinear", [g.node("QuantizeLinear", [data, *numbers]), *numbers]))
        for axis, size in ((0, 3), (-1, 7)):
            numbers = [g.weight(g.scales(size) * 20), g.weight(g.bytes((size,), dtype))]
            bytes_ = g.node("QuantizeLinear", [data, *numbers], axis=axis)
            g.output(bytes_)
            g.output(g.node("DequantizeLinear", [bytes_, *numbers], axis=axis))
    g.output(g.node("QuantizeLinear", [data, g.weight(np.float32(0.5))]))
    whole = g.input(g.random.integers(-1000, 1000, (4, 5), np.int32))
    g.output(g.node("DequantizeLinear", [whole, g.weight(np.float32(0.01))]))

    def numbers_of(scale: float, zero: int) -> list[str]:
        return [g.weight(np.float32(scale)), g.weight(np.uint8(zero))]

    x, y = (g.input(g.bytes((1, 8, 5, 6), "uint8")) for _ in range(2))
    left, right = [x, *numbers_of(0.02, 100)], [y, *numbers_of(0.03, 0)]
    for name, numbers in (("QLinearAdd", numbers_of(0.05, 99)), ("QLinearMul", numbers_of(0.1, 7))):
        g.output(g.node(name, [*left, *right, *numbers], MICROSOFT))
    g.output(g.node("QLinearConcat", [*numbers_of(0.04, 64), *left, *right], MICROSOFT, axis=1))
    g.output(g.node("QLinearSigmoid", [*left, *numbers_of(1 / 256, 0)], MICROSOFT))
    g.output(g.node("QLinearLeakyRelu", [*left, *numbers_of(0.02, 50)], MICROSOFT, alpha=0.1))
    g.output(g.node("QLinearGlobalAveragePool", [*left, *numbers_of(0.01, 128)], MICROSOFT))
    pool: dict[str, Any] = {"kernel_shape": [2, 3], "strides": [2, 2]}
    g.output(g.node("QLinearAveragePool", [*left, *numbers_of(0.02, 90)], MICROSOFT, **pool))


GROUPS = (convolutions, chains, pictures, products, elements)


@dataclass(frozen=True)
class Bundled:
    """A graph's bundle, its inputs and what they should give."""

    bundle: Bundle
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]


@pytest.fixture(scope="module", params=GROUPS, ids=lambda build: build.__name__)
def bundled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    graph = Graph()
    request.param(graph)
    model, expected = graph.finish()
    path = tmp_path_factory.mktemp("quantized") / "model.onnx"
    onnx.save(model, path)
    return Bundled(api.bundle(path), graph.inputs, expected)


@pytest.mark.parametrize(("engine", "isa"), HOSTS)
def test_quantized_operators(bundled: Bundled, engine: str, isa: Isa | None) -> None:
    with Executor(bundled.bundle, engine, isa=isa) as executor:
        found = executor.run(**bundled.inputs)
    assert found.keys() == bundled.expected.keys()
    assert not [name for name, array in bundled.expected.items() if not close(found[name], array)]


def test_borders_and_layouts_are_no_ops_of_their_own(tmp_path: Path) -> None:
    graph = Graph()
    pictures(graph)
    model, _ = graph.finish()
    onnx.save(model, tmp_path / "model.onnx")
    described = api.bundle(tmp_path / "model.onnx").model
    main = {value for value, at in enumerate(described["values"]) if at["region"] == "main"}
    kinds = [op["kind"] for op in described["ops"] if main.issuperset(op["outputs"])]
    assert kinds.count("int8_depthwise_conv2d") == kinds.count("int8_conv2d") == 16
    # A picture of one channel has no planes to interleave.
    assert kinds.count("quantize_pixels") == 12
    neighbours = set(pairwise(kinds))
    assert ("transpose", "int8_conv2d") not in neighbours
    assert ("pad", "int8_depthwise_conv2d") not in neighbours


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Tell whether arrays agree as the module's docstring says."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    if expected.dtype == np.int32:
        return bool(np.array_equal(found, expected))
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    steps = difference > 1e-5 * np.abs(expected).max()
    near = difference <= (1 if expected.dtype.kind in "iu" else STEP)
    return bool(near.all() and steps.sum() <= max(1, NEIGHBOURS * steps.size))


STEP = 0.3
"""What a quantised float of `elements` and `chains` may differ by: the largest of their scales."""
