"""Goldens: files that pin generated text. `UPDATE_GOLDEN=1` rewrites them; read the diff."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Compare `text` with the golden `name`, or write it there where `UPDATE_GOLDEN` is set."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden {name}: run again with UPDATE_GOLDEN=1"
    assert text == path.read_text(encoding="utf-8"), (
        f"differs from tests/golden/{name}; if it should, run again with UPDATE_GOLDEN=1"
    )
