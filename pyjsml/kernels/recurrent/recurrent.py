"""Recurrent layers: the steps of LSTM, GRU and RNN, one after the other inside one kernel.

What the inputs of all steps add to the gates is one matrix product, made before. Here each step
multiplies the hidden state by the recurrent weights, and updates the state:

    LSTM  i, f, o = σ(…); g = tanh(…); c' = f·c + i·g; h' = o·tanh(c')
    GRU   z, r = σ(…); n = tanh(x + r·(h·R + b)) or tanh(x + (r·h)·R); h' = n + z·(h - n)
    RNN   h' = tanh(…) or max(0, …)

A step is a product of one row, which reads every weight once. So weights lie in the order in which
they are read: by blocks of units, in them by the state's elements, then by gates. A block's sums
stay in registers until its part of the state is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.recurrent.layer import Layer
from pyjsml.kernels.recurrent.steps import Steps


def pack_columns(weight: te.Tensor, layer: Layer) -> te.Tensor:
    """Arrange [gates · units, depth] as [depth, columns] for the product with the inputs."""
    shape = (weight.shape[1], _size(layer.columns))
    at = _unit_of(layer)
    return te.compute(shape, lambda k, c: at(weight, c, k), name="pack_columns")


def pack_recurrent(weight: te.Tensor, layer: Layer) -> te.Tensor:
    """Arrange [gates · units, units] as [blocks, units, gates · block] for `recurrent`."""
    width = layer.gates * layer.block
    shape = [_size(layer.blocks), _size(layer.units), _size(width)]
    at = _unit_of(layer)
    return te.compute(shape, lambda j, k, c: at(weight, j * width + c, k), name="pack_recurrent")


def pack_bias(inputs: te.Tensor, states: te.Tensor, layer: Layer) -> te.Tensor:
    """Add up the biases [gates · units] of inputs and states, arranged as [columns].

    A GRU multiplies by r what the states add to n, and so their bias: it is left out here.
    """
    at = _unit_of(layer)

    def element(column: tirx.Var) -> Any:
        total = at(inputs, column) + at(states, column)
        if layer.cell != "gru":
            return total
        gate = tirx.floordiv(tirx.floormod(column, layer.gates * layer.block), layer.block)
        return tirx.if_then_else(gate < 2, total, at(inputs, column))

    return te.compute((_size(layer.columns),), element, name="pack_bias")


def pack_new_bias(states: te.Tensor, layer: Layer) -> te.Tensor:
    """Return the part for n of a GRU's bias of states, as [padded]."""
    start = layer.order[2] * layer.units

    def element(unit: tirx.Var) -> Any:
        zero = tirx.const(0, states.dtype)
        return tirx.if_then_else(unit < layer.units, states(start + unit), zero)

    return te.compute((_size(layer.padded),), element, name="pack_new_bias")


def _unit_of(layer: Layer) -> Callable[..., Any]:
    """Return `at(tensor, column, …)`: the element of a column's gate and unit, 0 if it has none."""
    width = layer.gates * layer.block

    def at(tensor: te.Tensor, column: Any, *rest: Any) -> Any:
        gate = tirx.floordiv(tirx.floormod(column, width), layer.block)
        unit = tirx.floordiv(column, width) * layer.block + tirx.floormod(column, layer.block)
        source: Any = tirx.const(layer.order[-1], "int64")
        for number, place in enumerate(layer.order[:-1]):
            source = tirx.Select(gate == number, tirx.const(place, "int64"), source)
        inside = tensor(source * layer.units + unit, *rest)
        return tirx.if_then_else(unit < layer.units, inside, tirx.const(0, tensor.dtype))

    return at


def recurrent(
    inputs: te.Tensor, weight: te.Tensor, states: Sequence[te.Tensor], layer: Layer
) -> list[te.Tensor]:
    """Run the steps of a layer.

    `inputs` [seq, batch, columns] is what each step's input adds to the gates, and `weight` what
    `pack_recurrent` made. `states` are the initial h [batch, units], then the initial c of an LSTM,
    or what `pack_new_bias` made for a GRU.

    Returns every step's h [seq, batch, units], the last h, for an LSTM the last c, and memory for
    the state. A step needs all of the one before; its blocks and rows can run in parallel.
    """
    steps, batch = inputs.shape[:2]
    if layer.batch_first:
        steps, batch = batch, steps
    shapes = [[*inputs.shape[:2], _size(layer.units)], [batch, _size(layer.units)]]
    if layer.cell == "lstm":
        shapes.append([batch, _size(layer.units)])
    shapes.append([batch, _size(Steps.ROWS), _size(layer.padded)])

    def body(ins: Sequence[Any], outs: Sequence[Any]) -> tirx.Stmt:
        return Steps(layer, list(ins), list(outs), steps, batch).loop()

    made = te.extern(
        shapes, [inputs, weight, *states], body, dtype=[inputs.dtype] * len(shapes), name=layer.cell
    )
    return list(made)


def _size(size: int) -> Any:
    return tirx.const(size, "int64")
