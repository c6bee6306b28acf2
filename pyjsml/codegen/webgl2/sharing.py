"""One text for shaders that differ in numbers alone; the numbers become dims of their passes.

A driver compiles each text anew, at the latest in the first run, and layers of a kind differ in
little but their sizes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pyjsml.program import Pass, Shader

NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?(e[+-]?\d+)?(?![\w.])")
"""A literal of GLSL that is not in hexadecimal; a sign is an operator of its own."""

MAIN = "void main() {"
WIDTH = "uniform int w;\n"
"""What every shader declares; its dims are declared behind it."""

MOST_DIMS = 64
"""How many dims a shader may have: of 224 vectors of uniforms that WebGL2 promises."""


@dataclass(frozen=True)
class _Text:
    """A shader's text as pieces, between which there are numbers."""

    pieces: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, fragment: str) -> _Text:
        head, main, body = fragment.partition(MAIN)
        pieces, numbers, end = [], [], 0
        for match in NUMBER.finditer(body):
            pieces.append(body[end : match.start()])
            numbers.append(match[0])
            end = match.end()
        return cls((head + main + (pieces or [body])[0], *pieces[1:], body[end:]), tuple(numbers))

    @property
    def key(self) -> tuple[object, ...]:
        """Return what texts have in common that can be made one."""
        return (self.pieces, tuple(map(_is_float, self.numbers)))


def share(shaders: Mapping[str, Shader]) -> dict[str, Shader]:
    """Return the shaders with as few texts as that takes."""
    groups: dict[tuple[object, ...], dict[str, _Text]] = {}
    for each in _passes(shaders):
        text = _Text.of(each.fragment)
        groups.setdefault((*text.key, len(each.dims)), {})[each.fragment] = text
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for (*_, dims), texts in groups.items():
        assert isinstance(dims, int)
        found |= _unite(texts, dims)
    return {
        name: replace(shader, passes=tuple(_with(each, found) for each in shader.passes))
        for name, shader in shaders.items()
    }


def _passes(shaders: Mapping[str, Shader]) -> Iterator[Pass]:
    for shader in shaders.values():
        yield from shader.passes


def _with(each: Pass, found: Mapping[str, tuple[str, tuple[int, ...]]]) -> Pass:
    if each.fragment not in found:
        return each
    fragment, dims = found[each.fragment]
    return replace(each, fragment=fragment, dims=(*each.dims, *dims))


def _unite(texts: Mapping[str, _Text], dims: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return by text the one for all of `texts`, and the dims behind the first `dims` for it."""
    columns = list(zip(*[text.numbers for text in texts.values()], strict=True))
    # Numbers that are the same in each text are one dim.
    varying = dict.fromkeys(column for column in columns if len(set(column)) > 1)
    if not varying or dims + len(varying) > MOST_DIMS:
        return {}
    names = {column: f"d{dims + number}" for number, column in enumerate(varying)}
    first = next(iter(texts.values()))
    parts = [first.pieces[0].replace(WIDTH, WIDTH + _declared(list(names.values())), 1)]
    for column, piece in zip(columns, first.pieces[1:], strict=True):
        parts += [_read(names[column], column) if column in names else column[0], piece]
    united = "".join(parts)
    return {
        fragment: (united, tuple(_bits(column[row]) for column in varying))
        for row, fragment in enumerate(texts)
    }


def _declared(names: Sequence[str]) -> str:
    return "".join(f"uniform int {name};\n" for name in names)


def _is_float(number: str) -> bool:
    return not number.isdigit()


def _read(name: str, column: Sequence[str]) -> str:
    return f"intBitsToFloat({name})" if _is_float(column[0]) else name


def _bits(number: str) -> int:
    """Return an integer, or the bits of a float32 as one."""
    if not _is_float(number):
        return int(number)
    (bits,) = struct.unpack("<i", struct.pack("<f", float(number)))
    return int(bits)
