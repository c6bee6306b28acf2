"""Kernels compute the same, whatever their loops' parameters are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.schedule import schedule
from pyjsml.kernels.shape_key import shape_key
from pyjsml.program import ISAS
from tests.ops.cases import CASES, Case
from tests.ops.machine import Compiled, Machine
from tests.ops.test_kernels import assert_equal

pytest.importorskip("py_mini_racer", reason="kernels are tested in V8: pip install mini-racer")

TUNABLE = [case for case in CASES if schedule(case.build()).parameters is not None]
CHOICES = [
    Parameters(rows=1, panels=1, unroll=1, block=0, by_column=True, splits=1),
    Parameters(rows=2, panels=2, unroll=4, block=1, by_column=True, splits=2),
    Parameters(rows=3, panels=2, unroll=9, block=2, by_column=False, splits=1),
    Parameters(rows=7, panels=1, unroll=1, block=3, by_column=False, splits=4),
    Parameters(rows=1, panels=3, unroll=9, block=0, by_column=False, splits=3),
]


@pytest.fixture(scope="module", params=range(len(CHOICES)))
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Return the kernels in one instance, with parameters that they all share."""
    number: int = request.param
    functions = {case.name: case.build() for case in TUNABLE}
    made = Machine(Compiled(functions, ISAS[number % 2], CHOICES[number]))
    yield made
    made.close()


@pytest.mark.parametrize("case", TUNABLE, ids=lambda case: case.name)
def test_parameters_do_not_change_results(machine: Machine, case: Case) -> None:
    for binding in case.bindings:
        inputs = case.inputs(binding)
        expected = case.outputs(inputs)
        outputs = [(array.shape, str(array.dtype)) for array in expected]
        for pieces in (1, 3):
            found = machine.run(case.name, inputs, outputs, case.dims(binding), pieces=pieces)
            for value, wanted in zip(found, expected, strict=True):
                assert_equal(value, wanted)


def test_what_does_not_fit_is_left_to_the_cost_model() -> None:
    case = next(case for case in TUNABLE if case.name == "conv2d_pointwise")  # of two panels
    three = Parameters(rows=1, panels=3, unroll=1, block=0, by_column=False, splits=1)
    default = schedule(case.build()).parameters
    assert schedule(case.build(), three).parameters == default


def test_the_key_tells_a_kernel_by_its_first_reduction() -> None:
    keys = {case.name: shape_key(schedule(case.build())) for case in TUNABLE}
    assert keys["conv2d_3x3"] == (
        "conv2d float32[1,9,8,3] float32[2,3,3,3,8] over [3,3,3] -> float32[1,7,6,16]"
    )
    assert "float32[?,3,5,4]" in keys["conv2d_pointwise_batch"]
