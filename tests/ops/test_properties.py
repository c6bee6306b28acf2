"""Kernels of random shapes: hypothesis looks for one that is not as it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tvm import relax

from tests.ops.cases.case import Case, by_torch, f32, op_case
from tests.ops.cases.convolutions import conv_case
from tests.ops.cases.groups import depthwise_case
from tests.ops.cases.products import batch_matmul_case, matmul_case
from tests.ops.cases.transposed import transpose_case
from tests.ops.machine import Compiled, Machine

pytest.importorskip("py_mini_racer", reason="kernels are tested in V8: pip install mini-racer")

few = settings(max_examples=8, derandomize=True)
small = st.integers(1, 4)
size = st.integers(1, 19)
isas = st.sampled_from(["simd128", "relaxed"])


def check(case: Case, isa: Any) -> None:
    machine = Machine(Compiled({case.name: case.build()}, isa))
    for binding in case.bindings:
        inputs = case.inputs(binding)
        expected = case.outputs(inputs)
        outputs = [(array.shape, str(array.dtype)) for array in expected]
        dims = case.dims(binding)
        whole, parts = (
            machine.run(case.name, inputs, outputs, dims, pieces=pieces) for pieces in (1, 3)
        )
        for value, part, wanted in zip(whole, parts, expected, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)
            assert value.tobytes() == part.tobytes()
    machine.close()


@few
@given(
    st.tuples(small, st.integers(5, 12), st.integers(5, 12), size),
    size,
    st.tuples(small, small),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    isas,
)
def test_convolutions(x: Any, out: int, kernel: Any, strides: Any, isa: str) -> None:
    check(conv_case("conv2d", x, out, kernel, strides), isa)


@few
@given(
    st.tuples(small, st.integers(7, 12), st.integers(7, 12), size),
    st.tuples(small, small),
    st.tuples(small, small),
    st.sampled_from([1, 2]),
    isas,
)
def test_depthwise_convolutions(x: Any, kernel: Any, strides: Any, dilation: int, isa: str) -> None:
    check(depthwise_case("depthwise", x, kernel, strides, (dilation, dilation)), isa)


@few
@given(
    st.tuples(small, small, size, small),
    size,
    st.tuples(small, small),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    isas,
)
def test_transposed_convolutions(x: Any, out: int, kernel: Any, strides: Any, isa: str) -> None:
    check(transpose_case("transposed", x, out, kernel, strides), isa)


@few
@given(size, size, st.integers(1, 70), isas)
def test_products_with_a_weight(rows: int, depth: int, columns: int, isa: str) -> None:
    check(matmul_case("product", (rows,), depth, columns), isa)


@few
@given(st.lists(size, min_size=2, max_size=3, unique=True), size, size, isas)
def test_products_of_any_number_of_rows(
    rows: list[int], depth: int, columns: int, isa: str
) -> None:
    bindings = [{"n": count} for count in rows]
    check(matmul_case("product", (2, "n"), depth, columns, bindings), isa)


@few
@given(small, size, size, size, isas)
def test_products_of_activations(batch: int, rows: int, depth: int, columns: int, isa: str) -> None:
    binding = {"m": rows, "k": depth, "n": columns}
    check(batch_matmul_case("product", (batch, "m", "k"), (1, "k", "n"), [binding]), isa)
    check(batch_matmul_case("product", (batch, rows, depth), (depth, columns)), isa)


@few
@given(st.lists(size, min_size=1, max_size=4), st.data(), isas)
def test_reductions(shape: list[int], data: st.DataObject, isa: str) -> None:
    axes = data.draw(
        st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True)
    )

    def total(x: torch.Tensor) -> torch.Tensor:
        return x.sum(tuple(axes))

    check(op_case("sum", lambda x: relax.op.sum(x, axes), [f32(*shape)], by_torch(total)), isa)


@few
@given(st.lists(size, min_size=1, max_size=4), st.data(), isas)
def test_softmax(shape: list[int], data: st.DataObject, isa: str) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))

    def expected(x: NDArray[Any]) -> NDArray[Any]:
        return by_torch(lambda t: torch.softmax(t, axis))(x)

    check(op_case("softmax", lambda x: relax.op.nn.softmax(x, axis), [f32(*shape)], expected), isa)


@few
@given(st.lists(size, min_size=2, max_size=4), st.data(), isas)
def test_permutations(shape: list[int], data: st.DataObject, isa: str) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    case = op_case(
        "permuted",
        lambda x: relax.op.nn.relu(relax.op.permute_dims(x, list(order))),
        [f32(*shape)],
        lambda x: np.maximum(np.transpose(x, order), 0),
    )
    check(case, isa)
