"""LSTM, GRU and RNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm import relax
from tvm.ir import GenericConst
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    input_at,
    text,
)
from pyjsml.frontend.recurrence import Weights, no_state, part_of, run_layer, stacked
from pyjsml.kernels.recurrent.layer import Cell, Layer

_ORDER: Mapping[Cell, tuple[int, ...]] = {
    "lstm": (0, 2, 3, 1),
    "gru": (0, 1, 2),
    "gru_reset_before": (0, 1, 2),
    "rnn_tanh": (0,),
    "rnn_relu": (0,),
}
"""ONNX has the gates of an LSTM as i, o, f, c and those of a GRU as z, r, h."""

_DIRECTIONS: Mapping[str, tuple[bool, ...]] = {
    "forward": (False,),
    "reverse": (True,),
    "bidirectional": (False, True),
}
_ONLY: Mapping[str, tuple[str, ...]] = {
    "lstm": ("sigmoid", "tanh", "tanh"),
    "gru": ("sigmoid", "tanh"),
}


def lstm(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert LSTM."""
    if input_at(inputs, 7) is not None:
        raise UnsupportedError("its peepholes can't be compiled")
    if attributes.get("input_forget", 0):
        raise UnsupportedError("its coupled input and forget gates can't be compiled")
    _check_activations(attributes, _ONLY["lstm"])
    return _convert(builder, inputs, attributes, "lstm")


def gru(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert GRU."""
    _check_activations(attributes, _ONLY["gru"])
    after = attributes.get("linear_before_reset", 0)
    return _convert(builder, inputs, attributes, "gru" if after else "gru_reset_before")


def rnn(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert RNN."""
    names = {name.decode().lower() for name in attributes.get("activations", (b"Tanh",))}
    if names == {"relu"}:
        return _convert(builder, inputs, attributes, "rnn_relu")
    _check_activations(attributes, ("tanh",))
    return _convert(builder, inputs, attributes, "rnn_tanh")


def _check_activations(attributes: Attributes, only: tuple[str, ...]) -> None:
    names = [name.decode().lower() for name in attributes.get("activations", ())]
    if any(name != wanted for name, wanted in zip(names, only * 2, strict=False)):
        raise UnsupportedError(f"its activations {', '.join(names)} can't be compiled")


def _convert(builder: Any, inputs: Inputs, attributes: Attributes, cell: Cell) -> Any:
    x, weight, states, bias, lengths, *initial = (input_at(inputs, i) for i in range(7))
    if attributes.get("clip"):
        raise UnsupportedError("its clipping can't be compiled")
    batch_first = bool(attributes.get("layout", 0))
    _check_lengths(lengths, x.ty.shape[1 if batch_first else 0])
    units = int(states.ty.shape[2])
    gates = Layer(cell, units, _ORDER[cell], batch_first, False).gates
    if not int(states.ty.shape[1]) == int(weight.ty.shape[1]) == gates * units:
        raise ValueError(f"its weights are not those of {gates} gates of {units} units each")
    axis = 1 if batch_first else 0
    given = initial[: 2 if cell == "lstm" else 1]
    outputs, finals = [], []
    directions = _DIRECTIONS[text(attributes, "direction", "forward")]
    for number, backwards in enumerate(directions):
        layer = Layer(cell, units, _ORDER[cell], batch_first, backwards)
        biases = [None, None]
        if bias is not None:
            both = part_of(builder, bias, number, 0)
            edges = [0, layer.gates * units, 2 * layer.gates * units]
            biases = [
                builder.emit(relax.op.strided_slice(both, [0], [edges[i]], [edges[i + 1]]))
                for i in range(2)
            ]
        own = Weights(*(part_of(builder, part, number, 0) for part in (weight, states)), *biases)
        before = [
            builder.emit(no_state(x, layer))
            if state is None
            else part_of(builder, state, number, axis)
            for state in given
        ]
        every, last = run_layer(builder, x, own, before, layer)
        outputs.append(every)
        finals.append(last)
    last_states = [stacked(builder, parts, axis) for parts in zip(*finals, strict=True)]
    results = [stacked(builder, outputs, 2 if batch_first else 1), *last_states]
    return relax.Tuple(results[: attributes["tvm_custom"]["num_outputs"]])


def _check_lengths(lengths: Any, steps: Any) -> None:
    """Refuse sequences that may be shorter than the input."""
    if lengths is None:
        return
    whole = isinstance(lengths, GenericConst) and isinstance(steps, IntImm)
    if not whole or (lengths.value.numpy() != int(steps)).any():
        raise UnsupportedError("its sequences of different lengths can't be compiled")
