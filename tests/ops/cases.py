"""Kernels as data: a function, shapes to call it with, and what it should compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from tvm import relax, te, tirx, topi

from pyjsml.kernels.attention import Attention, Heads, attention
from pyjsml.kernels.conv2d import (
    Window,
    conv2d,
    group_conv2d,
    narrow_conv2d,
    pack_conv2d,
    pack_group_conv2d,
    pack_narrow_conv2d,
)
from pyjsml.kernels.conv2d_transpose import Phases, conv2d_transpose, pack_conv2d_transpose
from pyjsml.kernels.depthwise import depthwise_conv2d, pack_depthwise
from pyjsml.kernels.extremes import where_extreme
from pyjsml.kernels.layout import PANEL
from pyjsml.kernels.matmul import (
    batch_matmul,
    matmul,
    pack_matmul,
    pack_matmul_transposed,
    vector_matmul,
)
from pyjsml.kernels.softmax import softmax
from tests.ops.functions import Size, from_relax, from_te

Array = NDArray[Any]
Spec = tuple[Sequence[Size], str]
Binding = Mapping[str, int]


@dataclass(frozen=True)
class Case:
    """A kernel: `expected` takes arrays of `specs` and gives the outputs, for each binding."""

    name: str
    build: Callable[[], Any]
    specs: Sequence[Spec]
    expected: Callable[..., Any]
    bindings: Sequence[Binding] = ({},)
    low: float = -2.0
    high: float = 2.0

    def inputs(self, binding: Binding, seed: int = 0) -> list[Array]:
        """Return seeded arrays of the case's shapes under `binding`."""
        random = np.random.default_rng(seed)
        return [self._random(random, shape, dtype, binding) for shape, dtype in self.specs]

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        """Return what the kernel should make of `inputs`."""
        results = self.expected(*inputs)
        listed = results if isinstance(results, list) else [results]
        return [np.asarray(result) for result in listed]

    def dims(self, binding: Binding) -> list[int]:
        """Return the kernel's dims: names in the order of their first appearance."""
        names = [size for shape, _ in self.specs for size in shape if isinstance(size, str)]
        return [binding[name] for name in dict.fromkeys(names)]

    def _random(self, random: Any, shape: Sequence[Size], dtype: str, binding: Binding) -> Array:
        concrete = [binding[size] if isinstance(size, str) else size for size in shape]
        if dtype == "bool":
            return np.asarray(random.integers(0, 2, concrete), np.bool_)
        if dtype.startswith("float"):
            if np.isinf(self.low):
                return np.full(concrete, self.low, dtype)
            return np.asarray(random.uniform(self.low, self.high, concrete), dtype)
        low = 0 if dtype.startswith("u") else int(self.low)
        return np.asarray(random.integers(low, int(self.high) + 1, concrete), dtype)


def f32(*shape: Size) -> Spec:
    """Return the spec of a float32 input."""
    return shape, "float32"


def tensor(array: Array) -> torch.Tensor:
    """Return an array as a double-precision tensor where it holds floats."""
    made = torch.from_numpy(np.ascontiguousarray(array))
    return made.double() if made.dtype == torch.float32 else made


def single(result: torch.Tensor) -> Array:
    """Return a tensor as the array that a kernel would give."""
    array: Array = result.numpy()
    return array.astype(np.float32) if array.dtype == np.float64 else array


def by_torch(function: Callable[..., torch.Tensor]) -> Callable[..., Array]:
    """Return `function` over arrays, computed in double precision."""
    return lambda *arrays: single(function(*[tensor(array) for array in arrays]))


def clipped(value: Any) -> Any:
    """Clip a TIR value to 0..6."""
    zero, six = tirx.const(0, "float32"), tirx.const(6, "float32")
    return te.min(te.max(value, zero), six)


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


def op_case(
    name: str,
    define: Callable[..., Any],
    specs: Sequence[Spec],
    expected: Callable[..., Any],
    bindings: Sequence[Binding] = ({},),
    low: float = -2.0,
    high: float = 2.0,
) -> Case:
    """Return operators of Relax, fused."""
    return Case(name, lambda: from_relax(define, *specs), specs, expected, bindings, low, high)


op = relax.op
PADDED_POOL = {"pool_size": (3, 3), "strides": (2, 2), "padding": (1, 1, 1, 1)}
NHWC = {"layout": "NHWC", "out_layout": "NHWC"}
SEQUENCES = [{"n": n} for n in (1, 2, 9, 33)]
EMPTY = [*SEQUENCES, {"n": 0}]

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
    group_case("group_conv2d", 6, 8, 2),
    group_case("group_conv2d_wide", 8, 24, 2, (2, 1)),
    group_case("group_conv2d_multiplier", 3, 9, 3),
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

PRODUCTS = (
    matmul_case("matmul_vector", (1,), 37, 80),
    matmul_case("matmul_vector_odd", (1,), 5, 13),
    matmul_case("matmul_vector_wide", (1,), 33, 61),
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


def softmax_case(
    name: str, shape: Sequence[Size], axis: int, bindings: Sequence[Binding] = ({},)
) -> Case:
    """Return softmax along `axis`."""
    return Case(
        name,
        lambda: from_te(lambda x: softmax(x, axis % len(shape)), shape),
        [f32(*shape)],
        by_torch(lambda x: torch.softmax(x, axis)),
        bindings,
    )


def pooled(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Array]:
    """Return a pooling of NHWC pictures, by torch."""
    return by_torch(lambda x: function(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


def sum_then_slice(x: Any) -> Any:
    """Sum the last axis and keep the first four of the middle one."""
    sums = topi.sum(x, -1)
    return te.compute((3, 4), lambda i, j: sums[i, j], "slice")


STATISTICS = (
    softmax_case("softmax", (3, 10), -1),
    softmax_case("softmax_wide", (2, 70), 1),
    softmax_case("softmax_middle", (2, 5, 6), 1),
    softmax_case("softmax_any_length", (2, "n", "n"), 2, EMPTY),
    op_case(
        "log_softmax",
        lambda x: op.nn.log_softmax(x, -1),
        [f32(3, 21)],
        by_torch(lambda x: torch.log_softmax(x, -1)),
    ),
    op_case(
        "layer_norm",
        lambda x, g, b: op.nn.layer_norm(x, g, b, [-1], 1e-5),
        [f32(4, 37), f32(37), f32(37)],
        by_torch(lambda x, g, b: F.layer_norm(x, (37,), g, b)),
    ),
    op_case(
        "layer_norm_any_rows",
        lambda x, g, b: op.nn.layer_norm(x, g, b, [-1], 1e-12),
        [f32(1, "n", 16), f32(16), f32(16)],
        by_torch(lambda x, g, b: F.layer_norm(x, (16,), g, b, 1e-12)),
        EMPTY,
    ),
    op_case(
        "instance_norm",
        lambda x, g, b: op.nn.instance_norm(x, g, b, 3, [1, 2], 1e-5),
        [f32(2, 5, 6, 7), f32(7), f32(7)],
        by_torch(
            lambda x, g, b: F.instance_norm(x.permute(0, 3, 1, 2), weight=g, bias=b).permute(
                0, 2, 3, 1
            )
        ),
    ),
    op_case(
        "group_norm",
        lambda x, g, b: op.nn.group_norm(x, g, b, 2, 1, [2, 3], 1e-5),
        [f32(2, 6, 4, 5), f32(6), f32(6)],
        by_torch(lambda x, g, b: F.group_norm(x, 2, g, b)),
    ),
    op_case(
        "rms_norm",
        lambda x, g: op.nn.rms_norm(x, g, [-1], 1e-6),
        [f32(3, 19), f32(19)],
        by_torch(lambda x, g: F.rms_norm(x, (19,), g, 1e-6)),
    ),
    op_case(
        "split",
        lambda x: op.split(x, 2, -1),
        [f32(3, 5, 16)],
        lambda x: list(np.split(x, 2, -1)),
    ),
    op_case("sum_last", lambda x: op.sum(x, [-1]), [f32(3, 70)], by_torch(lambda x: x.sum(-1))),
    Case(
        "sum_then_slice",
        lambda: from_te(sum_then_slice, (3, 6, 9)),
        [f32(3, 6, 9)],
        by_torch(lambda x: x.sum(-1)[:, :4]),
    ),
    op_case("sum_first", lambda x: op.sum(x, [0]), [f32(9, 13)], by_torch(lambda x: x.sum(0))),
    op_case("sum_all", lambda x: op.sum(x), [f32(5, 6, 7)], by_torch(lambda x: x.sum())),
    op_case(
        "mean_any_size",
        lambda x: op.sum(x, [1, 2], keepdims=True),
        [f32(1, "n", 3, 21)],
        by_torch(lambda x: x.sum((1, 2), keepdim=True)),
        SEQUENCES,
    ),
    op_case(
        "sum_any_length",
        lambda x: op.sum(x, [1]),
        [f32(2, "n")],
        by_torch(lambda x: x.sum(1)),
        EMPTY,
    ),
    op_case("max", lambda x: op.max(x, [1]), [f32(3, 11)], by_torch(lambda x: x.amax(1))),
    op_case(
        "max_of_nothing_finite",
        lambda x: op.max(x, [1]),
        [f32(3, 5)],
        lambda x: x.max(1),
        low=-np.inf,
        high=-np.inf,
    ),
    op_case("min_first", lambda x: op.min(x, [0]), [f32(3, 11)], by_torch(lambda x: x.amin(0))),
    op_case("prod", lambda x: op.prod(x, [1]), [f32(3, 9)], by_torch(lambda x: x.prod(1))),
    Case(
        "argmax",
        lambda: from_te(lambda x: where_extreme(x, 1, False, True), (3, 17, 5)),
        [f32(3, 17, 5)],
        lambda x: np.argmax(x, 1),
    ),
    Case(
        "argmin",
        lambda: from_te(lambda x: where_extreme(x, 1, True, False), (4, "n")),
        [f32(4, "n")],
        lambda x: np.argmin(x, 1, keepdims=True),
        bindings=[{"n": 9}, {"n": 1}],
    ),
    Case(
        "argmax_of_all",
        lambda: from_te(lambda x: where_extreme(x, None, False, True), (5, 7)),
        [f32(5, 7)],
        lambda x: np.argmax(x),
    ),
    Case(
        "argmax_of_the_least",
        lambda: from_te(lambda x: where_extreme(x, 1, False, True), (3, 5)),
        [f32(3, 5)],
        lambda x: np.argmax(x, 1),
        low=-np.inf,
        high=-np.inf,
    ),
    op_case(
        "max_pool2d",
        lambda x: op.nn.max_pool2d(x, **PADDED_POOL, **NHWC),
        [f32(1, 7, 8, 11)],
        pooled(lambda x: F.max_pool2d(x, 3, 2, 1)),
    ),
    op_case(
        "avg_pool2d",
        lambda x: op.nn.avg_pool2d(x, **PADDED_POOL, count_include_pad=False, **NHWC),
        [f32(2, 7, 8, 4)],
        pooled(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    ),
    op_case(
        "adaptive_pool2d",
        lambda x: op.nn.adaptive_avg_pool2d(x, (3, 2), "NHWC", "NHWC"),
        [f32(1, 7, 5, 6)],
        pooled(lambda x: F.adaptive_avg_pool2d(x, (3, 2))),
    ),
    Case(
        "cumsum",
        lambda: from_te(lambda x: topi.cumsum(x, 1), (3, 8)),
        [f32(3, 8)],
        by_torch(lambda x: x.cumsum(1)),
    ),
)


def gelu(x: Any) -> Any:
    """Return GELU of a bias added before."""
    return op.nn.gelu(x)


ELEMENTWISE = (
    op_case("add", op.add, [f32(3, 5, 7), f32(7)], np.add),
    op_case("add_rows", op.add, [f32(3, 5, 7), f32(5, 1)], np.add),
    op_case("add_any_size", op.add, [f32("n", 4), f32(4)], np.add, EMPTY),
    op_case("add_long", op.add, [f32(1, 3001), f32(1, 3001)], np.add),
    op_case(
        "relu_of_sum",
        lambda x, y: op.nn.relu(op.add(x, y)),
        [f32(2, 33), f32(2, 33)],
        lambda x, y: np.maximum(x + y, 0),
    ),
    op_case("gelu", gelu, [f32(5, 9)], by_torch(F.gelu)),
    op_case("silu", op.nn.silu, [f32(5, 9)], by_torch(F.silu)),
    op_case(
        "where",
        lambda c, x, y: op.where(c, x, y),
        [((4, 5), "bool"), f32(4, 5), f32(4, 5)],
        np.where,
    ),
    op_case(
        "less",
        lambda x, y: op.less(x, y),
        [f32(4, 9), f32(9)],
        np.less,
    ),
    op_case(
        "logical",
        lambda x, y: op.logical_or(op.logical_not(x), y),
        [((3, 17), "bool"), ((3, 17), "bool")],
        lambda x, y: ~x | y,
    ),
    op_case(
        "floor_divide",
        op.floor_divide,
        [((37,), "int32"), ((1,), "int32")],
        lambda x, y: x // y,
        low=3,
        high=9,
    ),
    op_case("add_int64", op.add, [((3, 7), "int64"), ((7,), "int64")], np.add, high=9),
    op_case(
        "cast_int64",
        lambda x: op.astype(x, "float32"),
        [((5, 9), "int64")],
        lambda x: x.astype(np.float32),
        high=300,
    ),
    op_case(
        "cast_uint8",
        lambda x: op.astype(x, "float32"),
        [((1, 4, 5, 3), "uint8")],
        lambda x: x.astype(np.float32),
        high=255,
    ),
    op_case(
        "cast_to_int",
        lambda x: op.astype(x, "int32"),
        [f32(3, 7)],
        lambda x: x.astype(np.int32),
        high=100,
    ),
    op_case(
        "cast_bool",
        lambda x: op.astype(x, "float32"),
        [((3, 7), "bool")],
        lambda x: x.astype(np.float32),
    ),
    op_case("float64", op.multiply, [((11,), "float64"), ((11,), "float64")], np.multiply),
)

LAYOUTS = (
    op_case(
        "transpose_to_nhwc",
        lambda x: op.permute_dims(x, [0, 2, 3, 1]),
        [f32(2, 3, 5, 6)],
        lambda x: np.transpose(x, (0, 2, 3, 1)),
    ),
    op_case(
        "transpose_any_size",
        lambda x: op.permute_dims(x, [0, 2, 1, 3]),
        [f32(1, "n", 2, 8)],
        lambda x: np.transpose(x, (0, 2, 1, 3)),
        EMPTY,
    ),
    op_case(
        "pad",
        lambda x: op.nn.pad(x, (0, 0, 1, 2, 2, 1, 0, 0)),
        [f32(1, 3, 4, 5)],
        lambda x: np.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0))),
    ),
    op_case(
        "concat_last",
        lambda x, y, z: op.concat([x, y, z], -1),
        [f32(2, 3, 5), f32(2, 3, 8), f32(2, 3, 1)],
        lambda *xs: np.concatenate(xs, -1),
    ),
    op_case(
        "concat_first",
        lambda x, y: op.concat([x, y], 0),
        [f32(2, 9), f32(3, 9)],
        lambda *xs: np.concatenate(xs, 0),
    ),
    op_case(
        "slice",
        lambda x: op.strided_slice(x, [0, 1], [1, 0], [5, 9], [2, 3]),
        [f32(6, 10)],
        lambda x: x[1:5:2, 0:9:3],
    ),
    op_case(
        "take",
        lambda x, i: op.take(x, i, 0),
        [f32(9, 7), ((2, "n"), "int64")],
        lambda x, i: x[i],
        EMPTY,
        low=0,
        high=8,
    ),
    op_case("flip", lambda x: op.flip(x, 1), [f32(3, 9)], lambda x: np.flip(x, 1)),
    op_case("tile", lambda x: op.tile(x, (2, 3)), [f32(3, 4)], lambda x: np.tile(x, (2, 3))),
    op_case(
        "resize_nearest",
        lambda x: op.image.resize2d(
            x,
            (10, 12),
            layout="NHWC",
            method="nearest_neighbor",
            coordinate_transformation_mode="asymmetric",
            rounding_method="floor",
        ),
        [f32(1, 5, 6, 3)],
        lambda x: x.repeat(2, 1).repeat(2, 2),
    ),
    op_case(
        "resize_linear",
        lambda x: op.image.resize2d(
            x, (7, 9), layout="NHWC", method="linear", coordinate_transformation_mode="half_pixel"
        ),
        [f32(1, 5, 6, 4)],
        pooled(lambda x: F.interpolate(x, size=(7, 9), mode="bilinear")),
    ),
)

CASES = (*CONVOLUTIONS, *PRODUCTS, *STATISTICS, *ELEMENTWISE, *LAYOUTS)
