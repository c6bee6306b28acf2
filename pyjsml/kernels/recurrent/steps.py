"""The loops of a recurrent layer, written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.recurrent.layer import Layer

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
        self.round = tirx.Var("round", "int64")
        self.block = tirx.Var("block", "int64")
        self.row = tirx.Var("row", "int64")
        self.sums = _local("sums", layer.gates * layer.block)

    def loop(self) -> tirx.Stmt:
        """Return the loop over rounds: the first one copies the initial state, others are steps.

        A round needs all of the one before; blocks and rows within it can run in parallel.
        """
        parity = tirx.floormod(self.steps, 2)
        begin = [self._copy(self.state, (H,), self.first, ())]
        end = [self._copy(self.last, (), self.state, (parity,))]
        if self.layer.cell == "lstm":
            begin.append(self._copy(self.state, (C,), self.extra[0], ()))
            end.append(self._copy(self.last_cell[0], (), self.state, (C,)))
        rounds = 1 + self._phases * self.steps
        body = _seq(
            tirx.IfThenElse(_equal(self.round, 0), _seq(*begin), self._step()),
            tirx.IfThenElse(_equal(self.round, rounds - 1), _seq(*end), None),
        )
        body = _for(self.row, self.batch, body, tirx.ForKind.PARALLEL)
        body = _for(self.block, self.layer.blocks, body, tirx.ForKind.PARALLEL)
        return _for(self.round, rounds, body)

    @property
    def _phases(self) -> int:
        """How many rounds a step takes: two where a product needs what another one gave."""
        return 2 if self.layer.cell == "gru_reset_before" else 1

    @property
    def _done(self) -> Any:
        """How many steps are done."""
        return tirx.floordiv(self.round - 1, self._phases)

    @property
    def _place(self) -> list[Any]:
        """The first two indices of what belongs to this step."""
        step = self.steps - 1 - self._done if self.layer.backwards else self._done
        return [self.row, step] if self.layer.batch_first else [step, self.row]

    @property
    def _now(self) -> Any:
        return tirx.floormod(self._done, 2)

    @property
    def _next(self) -> Any:
        return 1 - tirx.floormod(self._done, 2)

    def _step(self) -> tirx.Stmt:
        copied = self._copy(self.every, tuple(self._place), self.state, (self._next,))
        if self.layer.cell == "gru_reset_before":
            gates = _seq(self._product((0, 1), self._now), self._lanes(self._reset))
            new = _seq(self._product((2,), RESET), self._lanes(self._new), copied)
            last = _equal(tirx.floormod(self.round, 2), 0)
            return _seq(tirx.AllocBuffer(self.sums), tirx.IfThenElse(last, new, gates))
        update = {"lstm": self._lstm, "gru": self._gru}.get(self.layer.cell, self._rnn)
        product = self._product(range(self.layer.gates), self._now)
        return _seq(tirx.AllocBuffer(self.sums), product, self._lanes(update), copied)

    def _product(self, gates: Sequence[int], source: Any) -> tirx.Stmt:
        """Sum the products of a row of the state and the weights of the block's `gates`.

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
                weight = tirx.BufferLoad(self.weight, [self.block, k, gate * width + unit])
                return self._gate(gate, unit) + element * weight

            return each(total)

        pair = tirx.Var("pair", "int64")
        parts = each(lambda gate, unit: self._start(gate, unit))
        if units > 1:
            parts.append(_for(pair, units // 2, _seq(*added(2 * pair), *added(2 * pair + 1))))
        if units % 2:
            parts += added(tirx.const(units - 1, "int64"))
        return _seq(*parts)

    def _start(self, gate: int, unit: Any) -> Any:
        """Return what a sum starts with: the input's part, but for what r multiplies in a GRU."""
        if self.layer.cell == "gru" and gate == 2:
            return tirx.BufferLoad(self.extra[0], [self.block * self.layer.block + unit])
        return self._input(gate, unit)

    def _input(self, gate: int, unit: Any) -> Any:
        column = (self.block * self.layer.gates + gate) * self.layer.block + unit
        return tirx.BufferLoad(self.inputs, [*self._place, column])

    def _lanes(self, update: Callable[..., list[tirx.Stmt]]) -> tirx.Stmt:
        """Run each statement of `update(unit)` on all units of the block."""
        parts = []
        for vector in range(self.layer.block // LANES):
            lane = tirx.Var("lane", "int64")
            statements = update(vector * LANES + lane)
            parts += [_vector(lane, statement) for statement in statements]
        return _seq(*parts)

    def _gate(self, gate: int, unit: Any) -> Any:
        return tirx.BufferLoad(self.sums, [gate * self.layer.block + unit])

    def _load(self, row: Any, unit: Any) -> Any:
        return tirx.BufferLoad(self.state, [self.row, row, self.block * self.layer.block + unit])

    def _store(self, row: Any, unit: Any, value: Any) -> tirx.Stmt:
        return tirx.BufferStore(
            self.state, value, [self.row, row, self.block * self.layer.block + unit]
        )

    def _lstm(self, unit: Any) -> list[tirx.Stmt]:
        i, f, g, o = (self._gate(gate, unit) for gate in range(4))
        kept = tirx.sigmoid(f) * self._load(C, unit)
        cell = kept + tirx.sigmoid(i) * tirx.tanh(g)
        hidden = tirx.sigmoid(o) * tirx.tanh(self._load(C, unit))
        return [self._store(C, unit, cell), self._store(self._next, unit, hidden)]

    def _gru(self, unit: Any) -> list[tirx.Stmt]:
        z, r = (tirx.sigmoid(self._gate(gate, unit)) for gate in (0, 1))
        new = tirx.tanh(self._input(2, unit) + r * self._gate(2, unit))
        place = 2 * self.layer.block + unit
        kept = tirx.BufferLoad(self.sums, [place])
        mixed = kept + z * (self._load(self._now, unit) - kept)
        return [
            tirx.BufferStore(self.sums, new, [place]),
            self._store(self._next, unit, mixed),
        ]

    def _reset(self, unit: Any) -> list[tirx.Stmt]:
        z, r = (tirx.sigmoid(self._gate(gate, unit)) for gate in (0, 1))
        reset = r * self._load(self._now, unit)
        return [self._store(Z, unit, z), self._store(RESET, unit, reset)]

    def _new(self, unit: Any) -> list[tirx.Stmt]:
        place = 2 * self.layer.block + unit
        new = tirx.BufferLoad(self.sums, [place])
        change = self._load(Z, unit) * (self._load(self._now, unit) - new)
        return [
            tirx.BufferStore(self.sums, tirx.tanh(new), [place]),
            self._store(self._next, unit, new + change),
        ]

    def _rnn(self, unit: Any) -> list[tirx.Stmt]:
        value = self._gate(0, unit)
        zero = tirx.const(0, "float32")
        new = tirx.tanh(value) if self.layer.cell == "rnn_tanh" else tirx.max(value, zero)
        return [self._store(self._next, unit, new)]

    def _copy(self, into: Any, to: Sequence[Any], source: Any, at: Sequence[Any]) -> tirx.Stmt:
        """Copy the block's units that exist from a row of `source` to one of `into`."""
        to = to if into is self.every else [self.row, *to]
        width, units = self.layer.block, self.layer.units

        def copied(unit: Any) -> tirx.Stmt:
            value = tirx.BufferLoad(source, [self.row, *at, unit])
            return tirx.BufferStore(into, value, [*to, unit])

        vector, lane = tirx.Var("vector", "int64"), tirx.Var("lane", "int64")
        first = self.block * width
        whole: Any = width // LANES
        if units % width:
            whole = tirx.min(whole, tirx.floordiv(units - first, LANES))
        parts = [_for(vector, whole, _vector(lane, copied(first + vector * LANES + lane)))]
        if rest := units % LANES:
            last = [copied(tirx.const(unit, "int64")) for unit in range(units - rest, units)]
            at_end = _equal(self.block, self.layer.blocks - 1)
            parts.append(tirx.IfThenElse(at_end, _seq(*last), None))
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


def _equal(index: Any, other: Any) -> Any:
    return tirx.EQ(index - other, tirx.const(0, "int64"))


def _local(name: str, size: int) -> tirx.Var:
    return tirx.decl_buffer((tirx.const(size, "int64"),), "float32", name=name, scope="local")
