"""Identifiers for Relax variables: model names turned into ASCII identifiers that stay unique."""

from __future__ import annotations

import re


def identifier(name: str) -> str:
    """Turn every run of other characters in `name` into `_`: `features.0` -> `features_0`."""
    cleaned = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "value"
    return f"_{cleaned}" if cleaned[0].isdigit() else cleaned


class Names:
    """Hands out identifiers, each once."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def fresh(self, name: str) -> str:
        """Return the identifier of `name`, with a number behind it if that one is taken."""
        base = identifier(name)
        if base not in self._taken:
            self._taken[base] = 0
            return base
        while True:
            self._taken[base] += 1
            candidate = f"{base}_{self._taken[base]}"
            if candidate not in self._taken:
                self._taken[candidate] = 0
                return candidate
