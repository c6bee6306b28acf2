"""What may be chosen of a kernel's loops without changing what they compute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """How the loops of a product are cut.

    A register tile has `rows` rows of `panels` panels, and `unroll` bounds the trips of the
    reduction that are written out. At most `block` row tiles stay in the cache while the panels of
    weights pass by (0: all of them), or, `by_column`, every row passes by each panel. Each sum of a
    tile is kept in `splits` partial ones.
    """

    rows: int
    panels: int
    unroll: int
    block: int
    by_column: bool
    splits: int
