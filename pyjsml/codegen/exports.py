"""The names under which a WebAssembly module exports what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEADER_BYTES = 8
EXPORTS = 7
"""The number of the export section (WebAssembly core specification, 5.5.10)."""


def rename_exports(module: bytes, names: Mapping[str, Sequence[str]]) -> bytes:
    """Return `module` with each export under the `names` of it; one without any keeps its own."""
    made = bytearray(module[:HEADER_BYTES])
    position = HEADER_BYTES
    while position < len(module):
        number = module[position]
        size, start = _read_number(module, position + 1)
        content = module[start : start + size]
        if number == EXPORTS:
            content = _renamed(content, names)
        made += bytes([number]) + _number(len(content)) + content
        position = start + size
    return bytes(made)


def _renamed(section: bytes, names: Mapping[str, Sequence[str]]) -> bytes:
    """Rename the exports of a section: a vector of a name, a kind of one byte, and an index."""
    count, position = _read_number(section, 0)
    entries = []
    for _ in range(count):
        length, start = _read_number(section, position)
        name = section[start : start + length].decode()
        _, position = _read_number(section, start + length + 1)
        what = section[start + length : position]
        entries += [_text(new) + what for new in names.get(name, (name,))]
    return _number(len(entries)) + b"".join(entries)


def _text(text: str) -> bytes:
    return _number(len(text.encode())) + text.encode()


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """Return the unsigned LEB128 number at `position` and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _number(value: int) -> bytes:
    """Write an unsigned LEB128 number."""
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
