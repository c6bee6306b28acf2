"""Winograd's convolution against torch in float64: borders, odd sizes, slices, what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pyjsml.kernels.ops.layout import PANEL
from pyjsml.kernels.winograd.transforms import (
    F2,
    F4,
    Points,
    products,
    results,
    transform_data,
    transform_result,
    transform_weight,
)
from pyjsml.kernels.winograd.winograd import pack_winograd
from pyjsml.program import ISAS
from tests.ops.cases import Case
from tests.ops.functions import from_te
from tests.ops.machine import Compiled, Machine
from tests.ops.winograd_cases import CONVOLUTIONS, Array, Convolution, assert_close

pytest.importorskip("py_mini_racer", reason="kernels are tested in V8: pip install mini-racer")


def pack_case(name: str, points: Points) -> Case:
    def expected(packed: Array) -> Array:
        rows = np.array(transform_weight(points, [*np.eye(3)]))
        turned = np.einsum("ya,pabil,zb->pyzil", rows, packed.astype(np.float64), rows)
        return np.asarray(turned, np.float32)

    shape = ("panels", "h", "w", "i", "lanes")
    sizes = [(1, 1), (3, 5)]
    bindings = [{"panels": p, "h": 3, "w": 3, "i": i, "lanes": PANEL} for p, i in sizes]
    return Case(
        name,
        lambda: from_te(lambda packed: pack_winograd(packed, points), shape),
        [(shape, "float32")],
        expected,
        bindings,
    )


PACKS = [pack_case("pack_f2", F2), pack_case("pack_f4", F4)]

each = pytest.mark.parametrize("convolution", CONVOLUTIONS, ids=lambda made: made.name)


@pytest.fixture(scope="module", params=ISAS)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Return the kernels of all convolutions, and of the weights, in one instance."""
    functions = {convolution.name: convolution.build() for convolution in CONVOLUTIONS}
    for case in PACKS:
        functions[case.name] = case.build()
    made = Machine(Compiled(functions, request.param))
    yield made
    made.close()


def run(machine: Machine, convolution: Convolution, **options: Any) -> Array:
    outputs = [(convolution.shape, "float32")]
    return machine.run(convolution.name, convolution.inputs, outputs, **options)[0]


@each
def test_convolutions_are_those_of_torch(machine: Machine, convolution: Convolution) -> None:
    assert_close(run(machine, convolution), convolution)


@each
def test_slices_give_the_same_bits_as_one_call(machine: Machine, convolution: Convolution) -> None:
    whole = run(machine, convolution)
    for pieces in (2, 5):
        assert run(machine, convolution, pieces=pieces).tobytes() == whole.tobytes()


def test_pictures_and_channels_are_cut_into_slices(machine: Machine) -> None:
    names = ("f4_blocks", "f4_groups", "f4_one_pixel")
    assert [machine.kernels[name].extent for name in names] == [4, 4, 1]


@each
def test_a_result_may_overwrite_what_is_added_to_it(
    machine: Machine, convolution: Convolution
) -> None:
    pairs = machine.kernels[convolution.name].inplace
    assert pairs == (((3, 0),) if convolution.after == "residual" else ())
    for pair in pairs:
        assert_close(run(machine, convolution, inplace=pair), convolution)


@pytest.mark.parametrize("points", [F2, F4, (0.5, 1.0, 2.0)])
def test_transforms_are_those_of_minimal_filtering(points: Points) -> None:
    random = np.random.default_rng(0)
    data, taps = ([*random.uniform(-2, 2, count)] for count in (products(points), 3))
    pairs = zip(transform_weight(points, taps), transform_data(points, data), strict=True)
    found = transform_result(points, [tap * element for tap, element in pairs])
    np.testing.assert_allclose(found, np.correlate(data, taps), rtol=1e-12)
    assert len(found) == results(points)


@pytest.mark.parametrize("case", PACKS, ids=lambda case: case.name)
def test_weights_are_transformed(machine: Machine, case: Case) -> None:
    for binding in case.bindings:
        inputs = case.inputs(binding)
        (expected,) = case.outputs(inputs)
        outputs = [(expected.shape, "float32")]
        for pieces in (1, 3):
            (found,) = machine.run(case.name, inputs, outputs, case.dims(binding), pieces=pieces)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
