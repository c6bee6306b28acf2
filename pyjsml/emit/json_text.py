"""JSON for people: one entry a line, except where a whole list or object fits on one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 100


def json_text(value: Any) -> str:
    """Write `value` as the text of a JSON file."""
    return _write(value, "") + "\n"


def _write(value: Any, indent: str) -> str:
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(indent) + len(line) <= _WIDTH:
        return line
    inner = indent + "  "
    match value:
        case Mapping():
            entries = [
                f"{json.dumps(key, ensure_ascii=False)}: {_write(entry, inner)}"
                for key, entry in value.items()
            ]
            opening, closing = "{", "}"
        case Sequence() if not isinstance(value, str):
            entries = [_write(entry, inner) for entry in value]
            opening, closing = "[", "]"
        case _:
            return line
    lines = ",\n".join(inner + entry for entry in entries)
    return f"{opening}\n{lines}\n{indent}{closing}"
