"""Every function's shaders compute what numpy or torch does, in memory that nobody has cleared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pyjsml.codegen.webgl2.passes import make_shader
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.engines import get_engine
from tests.ops.cases import CASES, Case
from tests.ops.shader_machine import ShaderMachine

REFUSED = {
    "cumsum": "it is loops of its own",
    "float64": "WebGL2 has no float64",
}

pytestmark = pytest.mark.skipif(
    get_engine("chromium").available() is not None, reason="needs Chromium"
)


@pytest.fixture(scope="module")
def machine() -> Iterator[ShaderMachine]:
    made = ShaderMachine()
    yield made
    made.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_shaders_compute(machine: ShaderMachine, case: Case) -> None:
    function = case.build()
    if case.name in REFUSED:
        with pytest.raises(NoShaderError, match=REFUSED[case.name]):
            make_shader(function, 0)
        return
    for binding in case.bindings:
        inputs = case.inputs(binding)
        expected = case.outputs(inputs)
        found = machine.run(function, inputs, case.dims(binding), expected)
        for one, other in zip(found, expected, strict=True):
            if other.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
            else:
                np.testing.assert_array_equal(one, other)
