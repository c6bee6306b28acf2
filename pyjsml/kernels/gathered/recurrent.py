"""One step of a recurrent layer by its elements, for devices that compute all of them at once.

What `recurrent` does in one kernel is here made for one step after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.recurrent.layer import Layer


@dataclass(frozen=True)
class GatheredStep:
    """The step of a `number`.

    `inputs` and `weight` are as for `recurrent`; `hidden` [batch, units] is h before the step, and
    `other` c of an LSTM, or what `pack_new_bias` made for a GRU.
    """

    layer: Layer
    inputs: te.Tensor
    weight: te.Tensor
    hidden: te.Tensor
    other: te.Tensor | None
    number: Any

    def made(self) -> list[te.Tensor]:
        """Return h [batch, units] after the step, and behind it c of an LSTM."""
        match self.layer.cell:
            case "lstm":
                return self._lstm()
            case "gru":
                return [self._gru()]
            case "gru_reset_before":
                return [self._gru_reset_before()]
        return [self._rnn()]

    def _lstm(self) -> list[te.Tensor]:
        sums = self._product(self.hidden)
        before = self.other
        assert before is not None

        def gate(number: int, row: Any, unit: Any) -> Any:
            return self._input(row, number, unit) + sums(row, self._column(number, unit))

        def cell(row: Any, unit: Any) -> Any:
            kept = tirx.sigmoid(gate(1, row, unit)) * before(row, unit)
            return kept + tirx.sigmoid(gate(0, row, unit)) * tirx.tanh(gate(2, row, unit))

        cells = te.compute(self.hidden.shape, cell, name="cell")
        hidden = te.compute(
            self.hidden.shape,
            lambda row, unit: tirx.sigmoid(gate(3, row, unit)) * tirx.tanh(cells(row, unit)),
            name="hidden",
        )
        return [hidden, cells]

    def _gru(self) -> te.Tensor:
        sums, bias = self._product(self.hidden), self.other
        assert bias is not None

        def element(row: Any, unit: Any) -> Any:
            z, r = (
                tirx.sigmoid(self._input(row, gate, unit) + sums(row, self._column(gate, unit)))
                for gate in (0, 1)
            )
            inner = sums(row, self._column(2, unit)) + bias(unit)
            new = tirx.tanh(self._input(row, 2, unit) + r * inner)
            return new + z * (self.hidden(row, unit) - new)

        return te.compute(self.hidden.shape, element, name="hidden")

    def _gru_reset_before(self) -> te.Tensor:
        sums = self._product(self.hidden)

        def gate(number: int, row: Any, unit: Any) -> Any:
            total = self._input(row, number, unit) + sums(row, self._column(number, unit))
            return tirx.sigmoid(total)

        reset = te.compute(
            self.hidden.shape,
            lambda row, unit: gate(1, row, unit) * self.hidden(row, unit),
            name="reset",
        )
        again = self._product(reset)

        def element(row: Any, unit: Any) -> Any:
            new = tirx.tanh(self._input(row, 2, unit) + again(row, self._column(2, unit)))
            return new + gate(0, row, unit) * (self.hidden(row, unit) - new)

        return te.compute(self.hidden.shape, element, name="hidden")

    def _rnn(self) -> te.Tensor:
        sums = self._product(self.hidden)

        def element(row: Any, unit: Any) -> Any:
            value = self._input(row, 0, unit) + sums(row, self._column(0, unit))
            if self.layer.cell == "rnn_tanh":
                return tirx.tanh(value)
            return tirx.max(value, tirx.const(0, "float32"))

        return te.compute(self.hidden.shape, element, name="hidden")

    def _product(self, state: te.Tensor) -> te.Tensor:
        """Return the products of `state` and the weights, as [batch, columns]."""
        k = te.reduce_axis((0, self.layer.units), "k")
        batch, width = state.shape[0], self._width

        def element(row: Any, column: Any) -> Any:
            block, inner = tirx.floordiv(column, width), tirx.floormod(column, width)
            return te.sum(state(row, k) * self.weight(block, k, inner), axis=[k])

        columns = tirx.const(self.layer.columns, "int64")
        return te.compute((batch, columns), element, name="sums")

    def _input(self, row: Any, gate: int, unit: Any) -> Any:
        place = [row, self.number] if self.layer.batch_first else [self.number, row]
        return self.inputs(*place, self._column(gate, unit))

    @property
    def _width(self) -> int:
        """How many columns a block has."""
        return self.layer.gates * self.layer.block

    def _column(self, gate: int, unit: Any) -> Any:
        block = self.layer.block
        inner = gate * block + tirx.floormod(unit, block)
        return tirx.floordiv(unit, block) * self._width + inner
