"""The loops of a recurrent layer, written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx

from pyjsml.kernels.recurrent_layer import LANES, Layer

H, C, RESET, Z = 0, 2, 2, 3
"""Rows of the state: h in turns in the first two; then c of an LSTM, or r·h and z of a GRU."""


class Steps:
    """The loops of `recurrent`, whose arguments and results `ins` and `outs` are.

    The units behind the last one are computed with weights of zero, and never stored as results.
    """

    ROWS = 4

    def __init__(
        self, layer: Layer, ins: list[Any], outs: list[Any], steps: Any, batch: Any
    ) -> None:
        self.layer = layer
        self.inputs, self.weight, self.first, *self.extra = ins
        self.every, self.last, *last_cell, self.state = outs
        self.last_cell = last_cell
        self.steps, self.batch = steps, batch
        self.row = tirx.Var("row", "int64")
        self.step = tirx.Var("step", "int64")
        self.sums = _local("sums", layer.gates * layer.block)

    def loop(self) -> tirx.Stmt:
        """Return the loop over the batch."""
        parity = tirx.floormod(self.steps, 2)
        begin = [self._copy(self.state, (H,), self.first, ())]
        end = [self._copy(self.last, (), self.state, (parity,))]
        if self.layer.cell == "lstm":
            begin.append(self._copy(self.state, (C,), self.extra[0], ()))
            end.append(self._copy(self.last_cell[0], (), self.state, (C,)))
        every = _for(self.step, self.steps, self._step())
        return _for(self.row, self.batch, _seq(*begin, every, *end), tirx.ForKind.PARALLEL)

    @property
    def _place(self) -> list[Any]:
        """The first two indices of what belongs to this step."""
        step = self.steps - 1 - self.step if self.layer.backwards else self.step
        return [self.row, step] if self.layer.batch_first else [step, self.row]

    @property
    def _now(self) -> Any:
        return tirx.floormod(self.step, 2)

    @property
    def _next(self) -> Any:
        return 1 - tirx.floormod(self.step, 2)

    def _step(self) -> tirx.Stmt:
        block = tirx.Var("block", "int64")
        if self.layer.cell == "gru_reset_before":
            gates = self._product(block, (0, 1), self._now)
            parts = [_for(block, self.layer.blocks, _seq(gates, self._lanes(block, self._reset)))]
            block = tirx.Var("block", "int64")
            new = self._product(block, (2,), RESET)
            parts.append(_for(block, self.layer.blocks, _seq(new, self._lanes(block, self._new))))
        else:
            update = {"lstm": self._lstm, "gru": self._gru}.get(self.layer.cell, self._rnn)
            every = range(self.layer.gates)
            body = _seq(self._product(block, every, self._now), self._lanes(block, update))
            parts = [_for(block, self.layer.blocks, body)]
        copied = self._copy(self.every, tuple(self._place), self.state, (self._next,))
        return _seq(tirx.AllocBuffer(self.sums), *parts, copied)

    def _product(self, block: Any, gates: Sequence[int], source: Any) -> tirx.Stmt:
        """Sum the products of a row of the state and the weights of a block's `gates`.

        Two elements of the state make a step of the loop, which is as short as an addition takes.
        """
        width, units = self.layer.block, self.layer.units

        def each(value: Callable[[Any, Any], Any]) -> list[tirx.Stmt]:
            parts = []
            for gate in gates:
                for vector in range(width // LANES):
                    lane = tirx.Var("lane", "int64")
                    unit = vector * LANES + lane
                    stored = tirx.BufferStore(self.sums, value(gate, unit), [gate * width + unit])
                    parts.append(_vector(lane, stored))
            return parts

        def added(k: Any) -> list[tirx.Stmt]:
            element = tirx.BufferLoad(self.state, [self.row, source, k])

            def total(gate: int, unit: Any) -> Any:
                weight = tirx.BufferLoad(self.weight, [block, k, gate * width + unit])
                return self._gate(gate, unit) + element * weight

            return each(total)

        pair = tirx.Var("pair", "int64")
        parts = each(lambda gate, unit: self._start(block, gate, unit))
        if units > 1:
            parts.append(_for(pair, units // 2, _seq(*added(2 * pair), *added(2 * pair + 1))))
        if units % 2:
            parts += added(tirx.const(units - 1, "int64"))
        return _seq(*parts)

    def _start(self, block: Any, gate: int, unit: Any) -> Any:
        """Return what a sum starts with: the input's part, but for what r multiplies in a GRU."""
        if self.layer.cell == "gru" and gate == 2:
            return tirx.BufferLoad(self.extra[0], [block * self.layer.block + unit])
        return self._input(block, gate, unit)

    def _input(self, block: Any, gate: int, unit: Any) -> Any:
        column = (block * self.layer.gates + gate) * self.layer.block + unit
        return tirx.BufferLoad(self.inputs, [*self._place, column])

    def _lanes(self, block: Any, update: Callable[..., list[tirx.Stmt]]) -> tirx.Stmt:
        """Run each statement of `update(block, unit)` on all units of a block."""
        parts = []
        for vector in range(self.layer.block // LANES):
            lane = tirx.Var("lane", "int64")
            statements = update(block, vector * LANES + lane)
            parts += [_vector(lane, statement) for statement in statements]
        return _seq(*parts)

    def _gate(self, gate: int, unit: Any) -> Any:
        return tirx.BufferLoad(self.sums, [gate * self.layer.block + unit])

    def _load(self, row: Any, block: Any, unit: Any) -> Any:
        return tirx.BufferLoad(self.state, [self.row, row, block * self.layer.block + unit])

    def _store(self, row: Any, block: Any, unit: Any, value: Any) -> tirx.Stmt:
        return tirx.BufferStore(self.state, value, [self.row, row, block * self.layer.block + unit])

    def _lstm(self, block: Any, unit: Any) -> list[tirx.Stmt]:
        i, f, g, o = (self._gate(gate, unit) for gate in range(4))
        kept = tirx.sigmoid(f) * self._load(C, block, unit)
        cell = kept + tirx.sigmoid(i) * tirx.tanh(g)
        hidden = tirx.sigmoid(o) * tirx.tanh(self._load(C, block, unit))
        return [self._store(C, block, unit, cell), self._store(self._next, block, unit, hidden)]

    def _gru(self, block: Any, unit: Any) -> list[tirx.Stmt]:
        z, r = (tirx.sigmoid(self._gate(gate, unit)) for gate in (0, 1))
        new = tirx.tanh(self._input(block, 2, unit) + r * self._gate(2, unit))
        place = 2 * self.layer.block + unit
        kept = tirx.BufferLoad(self.sums, [place])
        mixed = kept + z * (self._load(self._now, block, unit) - kept)
        return [
            tirx.BufferStore(self.sums, new, [place]),
            self._store(self._next, block, unit, mixed),
        ]

    def _reset(self, block: Any, unit: Any) -> list[tirx.Stmt]:
        z, r = (tirx.sigmoid(self._gate(gate, unit)) for gate in (0, 1))
        reset = r * self._load(self._now, block, unit)
        return [self._store(Z, block, unit, z), self._store(RESET, block, unit, reset)]

    def _new(self, block: Any, unit: Any) -> list[tirx.Stmt]:
        place = 2 * self.layer.block + unit
        new = tirx.BufferLoad(self.sums, [place])
        change = self._load(Z, block, unit) * (self._load(self._now, block, unit) - new)
        return [
            tirx.BufferStore(self.sums, tirx.tanh(new), [place]),
            self._store(self._next, block, unit, new + change),
        ]

    def _rnn(self, block: Any, unit: Any) -> list[tirx.Stmt]:
        value = self._gate(0, unit)
        zero = tirx.const(0, "float32")
        new = tirx.tanh(value) if self.layer.cell == "rnn_tanh" else tirx.max(value, zero)
        return [self._store(self._next, block, unit, new)]

    def _copy(self, into: Any, to: Sequence[Any], source: Any, at: Sequence[Any]) -> tirx.Stmt:
        """Copy the units that exist from a row of `source` to one of `into`."""
        to = to if into is self.every else [self.row, *to]
        parts = []
        whole = self.layer.units // LANES
        if whole:
            vector, lane = tirx.Var("vector", "int64"), tirx.Var("lane", "int64")
            unit = vector * LANES + lane
            value = tirx.BufferLoad(source, [self.row, *at, unit])
            copied = tirx.BufferStore(into, value, [*to, unit])
            parts.append(_for(vector, whole, _vector(lane, copied)))
        for unit in range(whole * LANES, self.layer.units):
            value = tirx.BufferLoad(source, [self.row, *at, tirx.const(unit, "int64")])
            parts.append(tirx.BufferStore(into, value, [*to, tirx.const(unit, "int64")]))
        return _seq(*parts)


def _for(
    var: tirx.Var, extent: Any, body: tirx.Stmt, kind: tirx.ForKind = tirx.ForKind.SERIAL
) -> tirx.Stmt:
    extent = tirx.const(extent, "int64") if isinstance(extent, int) else extent
    return tirx.For(var, tirx.const(0, "int64"), extent, kind, body)


def _vector(lane: tirx.Var, body: tirx.Stmt) -> tirx.Stmt:
    return _for(lane, LANES, body, tirx.ForKind.VECTORIZED)


def _seq(*statements: tirx.Stmt) -> tirx.Stmt:
    return statements[0] if len(statements) == 1 else tirx.SeqStmt(list(statements))


def _local(name: str, size: int) -> tirx.Var:
    return tirx.decl_buffer((tirx.const(size, "int64"),), "float32", name=name, scope="local")
