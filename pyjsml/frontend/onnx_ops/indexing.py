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
    text,
    tvm_converter,
)


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


def roi_align(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert RoiAlign."""
    if text(attributes, "mode", "avg") != "avg":
        raise UnsupportedError("only averages can be compiled, and its mode is the maximum")
    return tvm_converter("RoiAlign", builder, inputs, attributes, opset)


def _reduction(attributes: Attributes) -> str:
    reduction = text(attributes, "reduction", "none")
    return "update" if reduction == "none" else reduction
