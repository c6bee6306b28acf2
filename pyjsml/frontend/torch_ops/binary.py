"""Operators of two operands, in the dtype that torch takes both to.

TVM's own converters take a number to the dtype of the tensor beside it, and leave out `alpha`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from tvm import relax

from pyjsml.frontend.tensors import dtype_name
from pyjsml.frontend.torch_ops.common import Converter, operand

_ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "add": relax.op.add,
    "atan2": relax.op.atan2,
    "bitwise_and": relax.op.bitwise_and,
    "bitwise_or": relax.op.bitwise_or,
    "bitwise_xor": relax.op.bitwise_xor,
    "floor_divide": relax.op.floor_divide,
    "maximum": relax.op.maximum,
    "minimum": relax.op.minimum,
    "mul": relax.op.multiply,
    "sub": relax.op.subtract,
}
_OF_BOOLEANS = {"add": "or", "maximum": "or", "minimum": "and", "mul": "and"}
"""Which logical operator each of them is where both operands are booleans."""
_COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "eq": relax.op.equal,
    "ge": relax.op.greater_equal,
    "gt": relax.op.greater,
    "le": relax.op.less_equal,
    "lt": relax.op.less,
    "ne": relax.op.not_equal,
}


def _arithmetic(name: str, importer: Any, node: Any) -> Any:
    builder = importer.block_builder
    dtype = dtype_name(node.meta["val"].dtype)
    left, right = (operand(importer, each, dtype) for each in importer.retrieve_args(node)[:2])
    alpha = node.kwargs.get("alpha", 1)
    if alpha != 1:
        right = builder.emit(relax.op.multiply(right, operand(importer, alpha, dtype)))
    operator = _ARITHMETIC[name]
    if dtype == "bool" and name in _OF_BOOLEANS:
        operator = getattr(relax.op, f"logical_{_OF_BOOLEANS[name]}")
    return builder.emit(operator(left, right))


def _comparison(name: str, importer: Any, node: Any) -> Any:
    dtype = dtype_name(torch.result_type(*map(_example, node.args[:2])))
    # TVM compares numbers; False is less than True as 0 is than 1.
    dtype = "int8" if dtype == "bool" else dtype
    left, right = (operand(importer, each, dtype) for each in importer.retrieve_args(node)[:2])
    return importer.block_builder.emit(_COMPARISONS[name](left, right))


def _example(argument: Any) -> Any:
    """Return the tensor that was traced, or a number of the argument's type."""
    if not isinstance(argument, torch.fx.Node):
        return argument
    value = argument.meta["val"]
    if isinstance(value, torch.Tensor):
        return value
    return 1.0 if isinstance(value, torch.SymFloat | float) else 1


def reversed_difference(importer: Any, node: Any) -> Any:
    """Convert rsub, which takes `alpha` times the first operand from the second."""
    builder = importer.block_builder
    dtype = dtype_name(node.meta["val"].dtype)
    taken, whole, *rest = importer.retrieve_args(node)
    taken, whole = (operand(importer, each, dtype) for each in (taken, whole))
    alpha = rest[0] if rest else node.kwargs.get("alpha", 1)
    if alpha != 1:
        taken = builder.emit(relax.op.multiply(taken, operand(importer, alpha, dtype)))
    return builder.emit(relax.op.subtract(whole, taken))


BINARY: Mapping[str, Converter] = MappingProxyType(
    {
        f"{name}.{overload}": partial(convert, name)
        for convert, names in ((_arithmetic, _ARITHMETIC), (_comparison, _COMPARISONS))
        for name in names
        for overload in ("Tensor", "Scalar", "default")
    }
    | {f"rsub.{overload}": reversed_difference for overload in ("Tensor", "Scalar")}
)
"""The converters by operator name; not every operator has each overload."""
