"""Which parameters are worth trying, and in which order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict

from pyjsml.kernels.parameters import Parameters

VALUES: Mapping[str, tuple[int, ...]] = {
    "rows": (1, 2, 3, 4, 5, 6, 8),
    "panels": (1, 2, 3, 4, 5, 6),
    "unroll": (1, 4, 9),
    "splits": (1, 2, 4),
}
BLOCKS = (0.25, 0.5, 1, 2, 4)
"""Blocks of rows as multiples of the cost model's; without any blocks is another choice."""

ACCUMULATORS = 16
"""Sums of a tile, in vectors: an engine on x86 has as many registers, and spills what is more."""

PANEL_VECTORS = 2


def space(default: Parameters) -> list[Parameters]:
    """Return every choice around what the cost model chose."""
    blocks = {0, default.block, *(round(default.block * part) for part in BLOCKS)}
    values = {
        name: tuple(sorted({*choices, getattr(default, name)})) for name, choices in VALUES.items()
    }
    found = []
    for rows, panels, unroll, splits, block, by_column in itertools.product(
        *values.values(), sorted(blocks), (False, True)
    ):
        # With the columns outermost there are no blocks of rows.
        whole = by_column and block != 0
        if rows * panels * splits * PANEL_VECTORS <= ACCUMULATORS and not whole:
            found.append(Parameters(rows, panels, unroll, block, by_column, splits))
    return found


def neighbours(choice: Parameters, others: Collection[Parameters]) -> list[Parameters]:
    """Return those of `others` that differ from `choice` in one parameter."""
    own = asdict(choice).items()
    return [other for other in others if len(own - asdict(other).items()) == 1]


def in_order(
    left: Collection[Parameters], best: Parameters, generator: random.Random
) -> Iterator[Parameters]:
    """Yield the choices that are `left`: by turns one near the best, and one from anywhere."""
    near, anywhere = neighbours(best, left), list(left)
    generator.shuffle(near)
    generator.shuffle(anywhere)
    taken: set[Parameters] = set()
    for pair in itertools.zip_longest(near, anywhere):
        for choice in pair:
            if choice is not None and choice not in taken:
                taken.add(choice)
                yield choice
