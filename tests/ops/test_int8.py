"""Kernels of bytes compute what numpy does of the same integers, exactly, on both paths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pyjsml.engines.v8 import FLAGS
from pyjsml.program import ISAS, Isa
from tests.ops.byte_case import GROUP
from tests.ops.cases import Case
from tests.ops.int8_cases import INT8_CASES
from tests.ops.machine import Compiled, Machine

pytest.importorskip("py_mini_racer", reason="kernels are tested in V8: pip install mini-racer")

PROBE = """
// The products of splats of -128 and 255, in i32x4.relaxed_dot_i8x16_i7x16_add_s.
new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 100, 0, 0,
  10, 24, 1, 22, 0, 65, 128, 127, 253, 15, 65, 255, 1, 253, 15, 65, 0, 253, 17, 253, 147, 2,
  253, 27, 0, 11,
]))).exports.d()
"""

each_case = pytest.mark.parametrize("case", INT8_CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def kernels() -> dict[Isa, Compiled]:
    functions = {case.name: case.build() for case in INT8_CASES}
    return {isa: Compiled(functions, isa) for isa in ISAS}


@pytest.fixture(scope="module", params=ISAS)
def machine(request: pytest.FixtureRequest, kernels: dict[Isa, Compiled]) -> Iterator[Machine]:
    isa: Isa = request.param
    if isa == "relaxed" and not exact_dots():
        pytest.skip("products of bytes are not exact in this host's relaxed SIMD")
    made = Machine(kernels[isa])
    yield made
    made.close()


def exact_dots() -> bool:
    """Tell whether V8 takes 255 for unsigned here, and adds up its products without saturating."""
    import py_mini_racer

    py_mini_racer.init_mini_racer(flags=FLAGS, ignore_duplicate_init=True)
    context = py_mini_racer.MiniRacer()
    return bool(context.eval(PROBE) == -128 * 255 * 4)


@each_case
@pytest.mark.parametrize("pieces", [1, 3])
def test_kernels_of_bytes_are_exact(machine: Machine, case: Case, pieces: int) -> None:
    for binding in case.bindings:
        inputs = case.inputs(binding)
        (expected,) = case.outputs(inputs)
        outputs = [(expected.shape, str(expected.dtype))]
        (found,) = machine.run(case.name, inputs, outputs, case.dims(binding), pieces=pieces)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_products_of_bytes_are_told_apart(kernels: dict[Isa, Compiled]) -> None:
    compiled = kernels["relaxed"]
    for case in INT8_CASES:
        product = case.name.startswith(("matmul", "conv2d", "depthwise"))
        assert compiled.kernels[case.name].dots == product, case.name


@pytest.mark.parametrize(
    ("name", "products"),
    [("conv2d_int8_1x1", 2 * 5 * 7 * 16 * 8), ("depthwise_int8_3x3", 7 * 10 * 16 * 3 * 3)],
)
def test_a_group_of_products_counts_as_one(
    kernels: dict[Isa, Compiled], name: str, products: int
) -> None:
    assert kernels["relaxed"].kernels[name].flops == 2 * products // GROUP
