"""The cells of recurrent layers, and the order in which their kernel reads what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pyjsml.kernels.lanes import LANES

Cell = Literal["lstm", "gru", "gru_reset_before", "rnn_tanh", "rnn_relu"]

GATES: Mapping[Cell, int] = MappingProxyType(
    {"lstm": 4, "gru": 3, "gru_reset_before": 3, "rnn_tanh": 1, "rnn_relu": 1}
)
"""How many gates a unit has: LSTM i, f, g, o; GRU z, r, n; RNN one."""

CELLS: frozenset[str] = frozenset(GATES)
"""The names of the cells, which are those of their kernels."""

SUMS = 8
"""Vectors that a block sums at once: 4 are too few to hide a fused multiply-add's latency."""


@dataclass(frozen=True)
class Layer:
    """One direction of a layer of `units`; the steps of `batch_first` inputs are axis 1.

    `order` says where in the model's weights each gate of `GATES` is.
    """

    cell: Cell
    units: int
    order: tuple[int, ...]
    batch_first: bool = False
    backwards: bool = False

    @property
    def gates(self) -> int:
        """How many gates a unit has."""
        return GATES[self.cell]

    @property
    def block(self) -> int:
        """How many units make a block."""
        return max(1, SUMS // self.gates) * LANES

    @property
    def blocks(self) -> int:
        """How many blocks there are; of the last one some units may not exist."""
        return -(-self.units // self.block)

    @property
    def padded(self) -> int:
        """How many units the blocks hold."""
        return self.blocks * self.block

    @property
    def columns(self) -> int:
        """The width of what a step's input adds to the gates."""
        return self.padded * self.gates
