"""One allocator for every identifier that generated JavaScript and TypeScript declares."""

from __future__ import annotations

import re
from collections.abc import Iterable

# ECMAScript's reserved words, those of strict mode and of modules, the literals, and two names
# that strict code may not bind. `undefined`, `NaN` and `Infinity` can be shadowed, to no good.
_WORDS = """
arguments await break case catch class const continue debugger default delete do else enum eval
export extends false finally for function if implements import in instanceof interface let new
null package private protected public return static super switch this throw true try typeof
undefined NaN Infinity var void while with yield
"""

RESERVED = frozenset(_WORDS.split())


class Identifiers:
    """Hand out identifiers, none twice; a name that is free and valid is kept as it is."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}

    def allocate(self, name: str) -> str:
        """Return an unused identifier for `name`, which may be any text."""
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII)
        if not re.match(r"[A-Za-z_]", plain):
            plain = f"_{plain}"
        candidate, count = plain, 1
        while candidate in self._taken:
            count += 1
            candidate = f"{plain}_{count}"
        self._taken.add(candidate)
        return candidate
