"""Recurrent layers as one product for the inputs of all steps, and a kernel for the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax

from pyjsml.kernels.gathered.gathered import recurrent_form
from pyjsml.kernels.recurrent import recurrent
from pyjsml.kernels.recurrent.layer import Layer


@dataclass(frozen=True)
class Weights:
    """The weights of one direction: [gates · units, depth] and [gates · units, units].

    The biases [gates · units], of inputs and of states, may be left out.
    """

    inputs: Any
    states: Any
    input_bias: Any = None
    state_bias: Any = None


def run_layer(
    builder: Any, x: Any, weights: Weights, initial: Sequence[Any], layer: Layer
) -> tuple[Any, list[Any]]:
    """Return every step's h and the last states: h, and c of an LSTM.

    `x` is [seq, batch, depth], or [batch, seq, depth]; `initial` are the states before the first
    step, [batch, units] each.
    """
    count = layer.gates * layer.units
    zeros = relax.const(np.zeros(count, np.float32), "float32")
    biases = [zeros if b is None else b for b in (weights.input_bias, weights.state_bias)]

    def packed(function: Any, *arguments: Any) -> Any:
        return builder.emit_te(
            lambda *tensors: function(*tensors, layer),
            *arguments,
            primfunc_name_hint=function.__name__,
        )

    columns = packed(recurrent.pack_columns, weights.inputs)
    product = builder.emit(relax.op.matmul(x, columns))
    inputs = builder.emit(relax.op.add(product, packed(recurrent.pack_bias, *biases)))
    states = list(initial)
    if layer.cell == "gru":
        states.append(packed(recurrent.pack_new_bias, biases[1]))
    results = builder.emit_te(
        lambda inputs, weight, *states: recurrent.recurrent(inputs, weight, states, layer),
        inputs,
        packed(recurrent.pack_recurrent, weights.states),
        *states,
        primfunc_name_hint=layer.cell,
        primfunc_attrs=recurrent_form(layer),
    )
    every, *last = (builder.emit(relax.TupleGetItem(results, i)) for i in range(len(initial) + 1))
    return every, last


def no_state(x: Any, layer: Layer) -> Any:
    """Return the state before the first step where a model gives none: zeros."""
    batch = x.ty.shape[0 if layer.batch_first else 1]
    return relax.op.zeros(relax.ShapeExpr([batch, layer.units]), "float32")


def stacked(builder: Any, parts: Sequence[Any], axis: int) -> Any:
    """Return `parts` along a new axis."""
    apart = [builder.emit(relax.op.expand_dims(part, axis)) for part in parts]
    return apart[0] if len(apart) == 1 else builder.emit(relax.op.concat(apart, axis))


def part_of(builder: Any, x: Any, number: int, axis: int) -> Any:
    """Return what `stacked` put in the place `number` of `axis`."""
    if int(x.ty.shape[axis]) > 1:
        x = builder.emit(
            relax.op.strided_slice(x, [axis], [number], [number + 1], assume_inbound=True)
        )
    return builder.emit(relax.op.squeeze(x, [axis]))
