"""Shaders that differ in numbers alone have one text."""

from __future__ import annotations

import re
import struct

from pyjsml.codegen.webgl2.passes import make_shader
from pyjsml.codegen.webgl2.sharing import share
from pyjsml.kernels.ops.matmul import matmul
from pyjsml.kernels.ops.softmax import softmax
from pyjsml.program import Pass, Shader
from tests.ops.functions import from_te


def shader(body: str, dims: tuple[str, ...] = ()) -> Shader:
    """Return a shader of one pass whose `main` is `body`."""
    declared = "".join(f"uniform int d{number};\n" for number in range(len(dims)))
    text = f"#version 300 es\nuniform int w;\n{declared}void main() {{\n{body}\n}}\n"
    return Shader((Pass(text, (0,), (1,), dims, 1),), ())


def products(rows: int, inner: int, columns: int) -> Shader:
    """Return the shader of a product of matrices of these sizes."""
    shapes = [(rows, inner), (-(-columns // 8), inner, 8)]
    return make_shader(from_te(lambda a, b: matmul(a, b, columns), *shapes), 0)


def written_out(each: Pass) -> str:
    """Return the text of a pass with its dims as the numbers that they are."""
    text = re.sub(r"uniform int d\d+;\n", "", each.fragment)
    for number, dim in reversed(list(enumerate(each.dims))):
        assert isinstance(dim, int)
        bits = struct.unpack("<f", struct.pack("<i", dim))[0]
        text = text.replace(f"intBitsToFloat(d{number})", repr(bits))
        text = re.sub(rf"\bd{number}\b", str(dim), text)
    return text


def test_products_of_all_sizes_share_their_texts() -> None:
    made = {f"m{n}": products(*sizes) for n, sizes in enumerate([(8, 16, 32), (12, 64, 40)])}
    shared = share(made)
    one, other = shared.values()
    assert [each.fragment for each in one.passes] == [each.fragment for each in other.passes]
    assert [each.dims for each in one.passes] != [each.dims for each in other.passes]


def test_dims_stand_for_the_numbers_that_were_there() -> None:
    made = {f"m{n}": products(*sizes) for n, sizes in enumerate([(8, 16, 32), (12, 64, 40)])}
    for name, found in share(made).items():
        for each, before in zip(found.passes, made[name].passes, strict=True):
            assert written_out(each) == before.fragment
            assert (each.inputs, each.outputs, each.texels) == (
                before.inputs,
                before.outputs,
                before.texels,
            )


def test_what_is_the_same_everywhere_stays_a_number() -> None:
    made = {"a": shader("o0 = x1 * 3.5 + 1.0;"), "b": shader("o0 = x1 * 0.25 + 1.0;")}
    (one,), (other,) = (found.passes for found in share(made).values())
    assert one.fragment == other.fragment
    assert "o0 = x1 * intBitsToFloat(d0) + 1.0;" in one.fragment
    assert [struct.pack("<i", each.dims[0]) for each in (one, other)] == [
        struct.pack("<f", 3.5),
        struct.pack("<f", 0.25),
    ]


def test_dims_come_behind_those_that_were_there() -> None:
    made = {"a": shader("int x = d0 * 3;", ("n0",)), "b": shader("int x = d0 * 4;", ("n0",))}
    (one,), _ = (found.passes for found in share(made).values())
    assert one.dims == ("n0", 3)
    assert "uniform int w;\nuniform int d1;\nuniform int d0;" in one.fragment


def test_an_integer_is_no_float() -> None:
    made = {"a": shader("o0 = f(3);"), "b": shader("o0 = f(3.0);")}
    assert share(made) == made


def test_names_and_hexadecimal_numbers_are_none() -> None:
    made = {"a": shader("x1 = uintBitsToFloat(0x7F800000u);"), "b": shader("x2 = y;")}
    assert share(made) == made


def test_more_numbers_than_uniforms_stay_numbers() -> None:
    bodies = ["\n".join(f"x = {step * n};" for n in range(1, 80)) for step in (1, 100)]
    made = {str(number): shader(body) for number, body in enumerate(bodies)}
    assert share(made) == made


def test_a_shader_that_is_alone_stays_as_it_is() -> None:
    made = {"one": make_shader(from_te(lambda x: softmax(x, 1), (3, 10)), 0)}
    assert share(made) == made
