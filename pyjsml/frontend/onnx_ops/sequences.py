"""Sequences of tensors, which are known by the time that a model is compiled: lists of values."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from tvm import relax

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    Tensors,
    UnsupportedError,
    as_constant,
    constant,
    input_at,
)
from pyjsml.frontend.resampling import length
from pyjsml.frontend.slicing import strided_slice


def construct(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SequenceConstruct, and SequenceEmpty, which has no inputs."""
    return Tensors(tuple(inputs))


def insert(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SequenceInsert, which appends unless it is told where."""
    items = list(inputs[0].items)
    items.insert(_position(inputs, 2, len(items), len(items)), inputs[1])
    return Tensors(tuple(items))


def erase(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SequenceErase, which takes away the last unless it is told which."""
    items = list(inputs[0].items)
    del items[_position(inputs, 1, len(items) - 1, len(items) - 1)]
    return Tensors(tuple(items))


def at(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SequenceAt."""
    items = inputs[0].items
    return items[_position(inputs, 1, 0, len(items) - 1)]


def count(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SequenceLength."""
    return as_constant(np.array(len(inputs[0].items), np.int64))


def split(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert SplitToSequence: into parts of given lengths, or of one, or into single elements."""
    x, given = inputs[0], input_at(inputs, 1)
    axis = int(attributes.get("axis", 0)) % x.ty.ndim
    size = length(x, axis)
    parts = np.array(1) if given is None else constant(given, "lengths of its parts")
    if parts.ndim == 0:
        edges = [*range(0, size, int(parts)), size]
    else:
        edges = [0, *np.cumsum(parts).tolist()]
    items = [
        builder.emit(strided_slice(builder, x, [axis], [start], [end], [1]))
        for start, end in itertools.pairwise(edges)
    ]
    if given is None and not attributes.get("keepdims", 1):
        items = [builder.emit(relax.op.squeeze(item, [axis])) for item in items]
    return Tensors(tuple(items))


def concat(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ConcatFromSequence."""
    items = list(inputs[0].items)
    if not items:
        raise UnsupportedError("its sequence is empty")
    axis = int(attributes["axis"])
    if attributes.get("new_axis", 0):
        items = [builder.emit(relax.op.expand_dims(item, axis)) for item in items]
    return relax.op.concat(items, axis)


def _position(inputs: Inputs, index: int, default: int, last: int) -> int:
    """Return the position that an input is, counted from the start; `last` is the greatest."""
    given = input_at(inputs, index)
    position = default if given is None else int(constant(given, "position").item())
    found = position + last + 1 if position < 0 else position
    if not 0 <= found <= last:
        raise UnsupportedError(f"there is nothing at position {position} of its sequence")
    return found
