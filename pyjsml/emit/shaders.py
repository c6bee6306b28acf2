"""`shaders.js`: the runtime's `Shaders` (js/src/data.ts), with each fragment shader once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyjsml.dims import to_json
from pyjsml.program import Program, Shader, Temp


@dataclass(frozen=True)
class PassView:
    """A draw as JSON values; `fragment` is an index into the file's list."""

    fragment: int
    inputs: list[int]
    outputs: list[int]
    dims: list[Any]
    texels: Any


@dataclass(frozen=True)
class ShaderView:
    """The passes of one kernel."""

    name: str
    passes: tuple[PassView, ...]
    temps: list[dict[str, Any]]


@dataclass(frozen=True)
class ShadersJs:
    """`shaders.js.jinja`."""

    maker: str
    fragments: tuple[str, ...]
    shaders: tuple[ShaderView, ...]


def shaders_js(program: Program, maker: str) -> ShadersJs:
    """Describe the shaders of `program`."""
    numbers: dict[str, int] = {}
    views = tuple(
        ShaderView(name, tuple(_passes(shader, numbers)), [_temp(temp) for temp in shader.temps])
        for name, shader in program.shaders.items()
    )
    return ShadersJs(maker, tuple(numbers), views)


def _passes(shader: Shader, numbers: dict[str, int]) -> Iterator[PassView]:
    for each in shader.passes:
        yield PassView(
            numbers.setdefault(each.fragment, len(numbers)),
            list(each.inputs),
            list(each.outputs),
            [to_json(dim) for dim in each.dims],
            to_json(each.texels),
        )


def _temp(temp: Temp) -> dict[str, Any]:
    layers = {"layers": temp.layers} if temp.layers else {}
    return {"dtype": temp.dtype, "size": to_json(temp.size), **layers}
