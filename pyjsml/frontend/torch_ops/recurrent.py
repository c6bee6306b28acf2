"""Recurrent layers; torch puts any number of them, in both directions, into one operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.recurrence import Weights, part_of, run_layer, stacked
from pyjsml.kernels.recurrent.layer import Cell, Layer

_ORDER: Mapping[Cell, tuple[int, ...]] = {
    "lstm": (0, 1, 2, 3),
    "gru": (1, 0, 2),
    "rnn_tanh": (0,),
    "rnn_relu": (0,),
}
"""torch has the gates of an LSTM as i, f, g, o and those of a GRU as r, z, n."""


def lstm(importer: Any, node: Any) -> Any:
    """Convert lstm."""
    return _convert(importer, node, "lstm")


def gru(importer: Any, node: Any) -> Any:
    """Convert gru."""
    return _convert(importer, node, "gru")


def rnn_tanh(importer: Any, node: Any) -> Any:
    """Convert rnn_tanh."""
    return _convert(importer, node, "rnn_tanh")


def rnn_relu(importer: Any, node: Any) -> Any:
    """Convert rnn_relu."""
    return _convert(importer, node, "rnn_relu")


def _convert(importer: Any, node: Any, cell: Cell) -> Any:
    builder = importer.block_builder
    x, initial, weights, biased, layers, _, _, both, batch_first = importer.retrieve_args(node)
    initial = list(initial) if isinstance(initial, list | tuple | relax.Tuple) else [initial]
    directions = 2 if both else 1
    each = 4 if biased else 2
    if len(weights) != each * layers * directions:
        raise ModelError("its states are projected, which pyjsml can't compile")
    finals: list[list[Any]] = []
    for number in range(layers):
        outputs = []
        for direction in range(directions):
            place = number * directions + direction
            own = Weights(*weights[place * each : (place + 1) * each])
            units = int(own.states.ty.shape[1])
            layer = Layer(cell, units, _ORDER[cell], bool(batch_first), bool(direction))
            states = [part_of(builder, state, place, 0) for state in initial]
            every, last = run_layer(builder, x, own, states, layer)
            outputs.append(every)
            finals.append(last)
        x = outputs[0] if len(outputs) == 1 else builder.emit(relax.op.concat(outputs, 2))
    last_states = [stacked(builder, parts, 0) for parts in zip(*finals, strict=True)]
    return builder.emit(relax.Tuple([x, *last_states]))
