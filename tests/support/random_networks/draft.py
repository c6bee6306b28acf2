"""A network under construction, for which layers are drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch

Layer = Callable[[torch.Tensor], torch.Tensor]
Draw = Callable[["Draft"], tuple[str, Layer] | None]
"""Draw a layer that fits what a draft gives; say what it is. None where none fits."""


@dataclass
class Draft:
    """A network under construction: what its last layer gives."""

    pick: random.Random
    shape: tuple[int, ...]

    def size(self, low: int, high: int) -> int:
        """Return a random integer of `low` to `high`."""
        return self.pick.randint(low, high)
