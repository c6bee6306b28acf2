"""What the converters share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tvm import relax, te, tirx
from tvm.ir import is_prim_expr

Converter = Callable[[Any, Any], Any]
"""`(importer, node) -> value`."""


def dtype_of(expr: Any) -> str:
    """Return the dtype of a tensor, by numpy's name."""
    return str(expr.ty.dtype.dtype)


def arguments(importer: Any, node: Any, *defaults: Any) -> list[Any]:
    """Return the positional arguments of `node`; of the last ones, `defaults` where they lack."""
    given = list(importer.retrieve_args(node))
    count = len(node.target._schema.arguments)
    return [*given, *defaults[len(defaults) - (count - len(given)) :]][:count]


def operand(importer: Any, value: Any, dtype: str) -> Any:
    """Return a number, a size or a tensor as a tensor of `dtype`."""
    if not isinstance(value, relax.Expr):
        return relax.const(value, dtype)
    if is_prim_expr(value):
        return importer.block_builder.emit_te(
            lambda size: te.compute((), lambda: tirx.Cast(dtype, size), name="size"),
            value,
            primfunc_name_hint="size",
        )
    if dtype_of(value) == dtype:
        return value
    return importer.block_builder.emit(relax.op.astype(value, dtype))


def limits(dtype: str) -> tuple[Any, Any]:
    """Return the smallest and the largest number of a dtype."""
    if dtype.startswith("float"):
        return -math.inf, math.inf
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def numbers_of(importer: Any, tensor: Any) -> Any:
    """Return `tensor` with booleans as 0 and 1: TVM knows no order of them."""
    return operand(importer, tensor, "int8") if dtype_of(tensor) == "bool" else tensor


def sizes_of(importer: Any, tensor: Any) -> list[Any]:
    """Return the shape of a traced tensor as TIR expressions."""
    return [importer._size(size) for size in tensor.shape]


def broadcast_shape(importer: Any, tensors: Sequence[Any]) -> list[Any]:
    """Return the shape that traced tensors broadcast to."""
    import torch

    shapes = [tensor.shape for tensor in tensors]
    shape = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    return [importer._size(size) for size in shape]
