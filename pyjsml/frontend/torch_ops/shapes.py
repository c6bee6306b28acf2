"""Operators that make tensors or move elements."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.tensors import dtype_name
from pyjsml.frontend.tiling import tiled
from pyjsml.frontend.torch_ops.common import operand, sizes_of


def clone(importer: Any, node: Any) -> Any:
    """Convert clone: values don't change, so that a copy is the value itself."""
    return importer.env[node.args[0]]


def cat(importer: Any, node: Any) -> Any:
    """Convert cat; tensors without elements are left out, unless there are no others."""
    tensors, axis = [*node.args, 0][:2]
    dtype = dtype_name(node.meta["val"].dtype)
    filled = [each for each in tensors if 0 not in each.meta["val"].shape] or tensors
    parts = [operand(importer, importer.env[each], dtype) for each in filled]
    return importer.block_builder.emit(relax.op.concat(parts, node.kwargs.get("dim", axis)))


def result(importer: Any, node: Any) -> Any:
    """Convert one result of several; of some operators TVM gives the first for each of them."""
    whole, index = node.args
    alone = isinstance(getattr(importer.env[whole], "ty", None), relax.TensorType)
    if alone and index and node.users:
        raise ModelError(f"of what {whole.target} gives only the first can be compiled")
    return importer._getitem(node)


def view(importer: Any, node: Any) -> Any:
    """Convert reshapes to the shape that was traced; TVM's own can't tell one with several dims."""
    shape = sizes_of(importer, node.meta["val"])
    return importer.block_builder.emit(relax.op.reshape(importer.env[node.args[0]], shape))


def scalar(importer: Any, node: Any) -> Any:
    """Convert scalar_tensor, of a number or of a size."""
    (value,) = importer.retrieve_args(node)
    return operand(importer, value, dtype_name(node.meta["val"].dtype))


def empty(importer: Any, node: Any) -> Any:
    """Convert empty, which is about to be written: padding round an axis begins so."""
    value = node.meta["val"]
    shape = relax.ShapeExpr(sizes_of(importer, value))
    return importer.block_builder.emit(relax.op.zeros(shape, dtype_name(value.dtype)))


def repeat(importer: Any, node: Any) -> Any:
    """Convert repeat; TVM's own takes no dims."""
    data, times = importer.retrieve_args(node)
    return tiled(importer.block_builder, data, times)
