"""Every kernel computes what numpy or torch does, whole and in slices, and writes nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyjsml.program import ISAS, Isa
from tests.ops.cases import CASES, Case
from tests.ops.machine import Compiled, Machine

pytest.importorskip("py_mini_racer", reason="kernels are tested in V8: pip install mini-racer")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module", params=ISAS)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Return all cases' kernels in one instance."""
    isa: Isa = request.param
    made = Machine(Compiled({case.name: case.build() for case in CASES}, isa))
    yield made
    made.close()


def assert_equal(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(found, expected)


def run(machine: Machine, case: Case, **options: Any) -> None:
    for binding in case.bindings:
        inputs = case.inputs(binding)
        expected = case.outputs(inputs)
        outputs = [(array.shape, str(array.dtype)) for array in expected]
        dims = case.dims(binding)
        found = machine.run(case.name, inputs, outputs, dims, **options)
        for value, wanted in zip(found, expected, strict=True):
            assert_equal(value, wanted)


@each_case
def test_kernels_compute(machine: Machine, case: Case) -> None:
    run(machine, case)


@each_case
def test_slices_give_the_same_bits_as_one_call(machine: Machine, case: Case) -> None:
    for binding in case.bindings:
        inputs = case.inputs(binding, seed=1)
        outputs = [(array.shape, str(array.dtype)) for array in case.outputs(inputs)]
        dims = case.dims(binding)
        whole = machine.run(case.name, inputs, outputs, dims)
        for pieces in (2, 5):
            parts = machine.run(case.name, inputs, outputs, dims, pieces=pieces)
            for part, value in zip(parts, whole, strict=True):
                assert part.tobytes() == value.tobytes()


def test_no_slice_does_nothing(machine: Machine) -> None:
    for case in CASES:
        inputs = case.inputs(case.bindings[0])
        outputs = [(array.shape, str(array.dtype)) for array in case.outputs(inputs)]
        found = machine.run(case.name, inputs, outputs, case.dims(case.bindings[0]), pieces=0)
        assert all(set(value.tobytes()) <= {0xCD} for value in found), case.name


@each_case
def test_outputs_may_overwrite_the_inputs_that_a_kernel_names(machine: Machine, case: Case) -> None:
    pairs = machine.kernels[case.name].inplace
    for pair in pairs:
        run(machine, case, inplace=pair)


def test_kernels_name_the_inputs_that_they_may_overwrite(machine: Machine) -> None:
    named: Callable[[str], Any] = lambda name: machine.kernels[name].inplace  # noqa: E731
    assert named("conv2d_residual") == ((2, 0),)
    assert named("conv2d_3x3") == ()
    assert named("conv2d_square") == ()
    assert named("softmax") == ((0, 0),)
    assert named("layer_norm") == ((0, 0),)
    assert named("add_long") == ((0, 0), (1, 0))
    assert named("add") == ((0, 0),)
    assert named("flip") == ()
    assert named("cumsum") == ()
