"""Names for the graph: the model's own where it has one, and each given once."""

from __future__ import annotations


class Names:
    """Hands out names, none of them twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def give(self, wanted: str) -> str:
        """Return `wanted` if it is free, else `wanted_1`, `wanted_2`, …"""
        name = wanted
        while name in self._taken:
            number = self._next.get(wanted, 0) + 1
            self._next[wanted] = number
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name
