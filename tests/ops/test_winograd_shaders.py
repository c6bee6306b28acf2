"""Winograd's convolution as shaders, whose transforms draw several layers at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyjsml.codegen.webgl2.passes import make_shader
from pyjsml.engines import get_engine
from tests.ops.shader_machine import ShaderMachine
from tests.ops.winograd_cases import CONVOLUTIONS, Convolution, assert_close

each = pytest.mark.parametrize("convolution", CONVOLUTIONS, ids=lambda made: made.name)


@pytest.fixture(scope="module")
def machine() -> Iterator[ShaderMachine]:
    if get_engine("chromium").available() is not None:
        pytest.skip("needs Chromium")
    made = ShaderMachine()
    yield made
    made.close()


@each
def test_convolutions_are_those_of_torch(machine: ShaderMachine, convolution: Convolution) -> None:
    expected, _ = convolution.expected()
    wanted = [expected.astype("float32")]
    (found,) = machine.run(convolution.build(), convolution.inputs, [], wanted)
    assert_close(found, convolution)


@each
def test_transforms_draw_layers(convolution: Convolution) -> None:
    shader = make_shader(convolution.build(), 0)
    rows, columns, *_ = shader.passes
    size = len(convolution.points) * 2 + 2
    # Six numbers are three layers of two; a product's rows are four layers more.
    assert [temp.layers for temp in shader.temps[:2]] == [{4: 4, 6: 3}[size]] * 2
    for each_pass in (rows, columns):
        assert each_pass.fragment.count("out vec4") == {4: 4, 6: 3}[size]
