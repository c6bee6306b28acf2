"""Sparse tensors of ONNX files, which are stored as the few elements that are not 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyjsml.frontend.extras import require

if TYPE_CHECKING:
    from onnx import ModelProto, SparseTensorProto, TensorProto


def densify(model: ModelProto) -> None:
    """Write out the sparse weights and constants of the model's graph, in place."""
    graph = model.graph
    graph.initializer.extend(_dense(sparse) for sparse in graph.sparse_initializer)
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("sparse_tensor"):
                tensor = _dense(attribute.sparse_tensor)
                attribute.CopyFrom(require("onnx").helper.make_attribute("value", tensor))


def _dense(sparse: SparseTensorProto) -> TensorProto:
    """Return a tensor with all of its elements. It has the name of what it holds."""
    helper = require("onnx").numpy_helper
    values, places = helper.to_array(sparse.values), helper.to_array(sparse.indices)
    array = np.zeros(tuple(sparse.dims), values.dtype)
    # Places are coordinates, or count along all axes, as numpy flattens them.
    at = tuple(places.T) if places.ndim == 2 else np.unravel_index(places, array.shape)
    array[at] = values
    tensor: TensorProto = helper.from_array(array, sparse.values.name)
    return tensor
