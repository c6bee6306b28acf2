"""Gathers and scatters; `optimize.indexing` takes care of negative indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax

from pyjsml.frontend.onnx_ops.arithmetic import cast
from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    as_constant,
    constant,
    input_at,
    text,
)
from pyjsml.kernels.ops.sequences import reversed_sequences, written_cache


def gather(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Gather."""
    return relax.op.take(inputs[0], inputs[1], attributes.get("axis", 0))


def gather_elements(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert GatherElements."""
    return relax.op.gather_elements(inputs[0], inputs[1], attributes.get("axis", 0))


def gather_nd(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert GatherND."""
    return relax.op.gather_nd(inputs[0], inputs[1], attributes.get("batch_dims", 0))


def scatter_elements(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ScatterElements."""
    return relax.op.scatter_elements(*inputs, attributes.get("axis", 0), _reduction(attributes))


def scatter_nd(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ScatterND."""
    return relax.op.scatter_nd(*inputs, _reduction(attributes))


def one_hot(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert OneHot; an index that is out of range marks nothing."""
    indices, depth, values = inputs
    rank = indices.ty.ndim + 1
    axis = int(attributes.get("axis", -1)) % rank
    count = int(constant(depth, "depth").item())
    places = np.arange(count).reshape([-1 if each == axis else 1 for each in range(rank)])
    indices = builder.emit(relax.op.expand_dims(cast(builder, indices, "int64"), axis))
    wrapped = builder.emit(relax.op.add(indices, relax.const(count, "int64")))
    negative = builder.emit(relax.op.less(indices, relax.const(0, "int64")))
    indices = builder.emit(relax.op.where(negative, wrapped, indices))
    here = builder.emit(relax.op.equal(indices, as_constant(places)))
    off, on = (builder.emit(relax.op.take(values, relax.const(each), 0)) for each in (0, 1))
    return relax.op.where(here, on, off)


def top_k(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert TopK, whose count has been an attribute before opset 10."""
    count = attributes["k"] if opset < 10 else constant(inputs[1], "count").item()
    return relax.op.topk(
        inputs[0],
        int(count),
        int(attributes.get("axis", -1)),
        "both",
        bool(attributes.get("largest", 1)),
        "int64",
    )


def non_max_suppression(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Refuse NonMaxSuppression."""
    raise UnsupportedError(
        "how many boxes it keeps depends on their scores; make the boxes and the scores outputs of "
        "the model, and choose among them behind it"
    )


def reverse_sequence(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ReverseSequence."""
    x, lengths = inputs
    axis, batch = int(attributes.get("time_axis", 0)), int(attributes.get("batch_axis", 1))
    return builder.emit_te(reversed_sequences, x, lengths, axis, batch)


def tensor_scatter(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert TensorScatter, which writes to the beginning of a cache unless it is told where."""
    past, update = inputs[:2]
    starts = input_at(inputs, 2)
    if starts is None:
        starts = builder.emit(relax.op.zeros(relax.ShapeExpr([past.ty.shape[0]]), "int64"))
    axis = int(attributes.get("axis", -2)) % past.ty.ndim
    circular = text(attributes, "mode", "linear") == "circular"
    return builder.emit_te(written_cache, past, update, starts, axis, circular=circular)


def _reduction(attributes: Attributes) -> str:
    reduction = text(attributes, "reduction", "none")
    return "update" if reduction == "none" else reduction
