"""What the converters share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tvm.ir import GenericConst

Attributes = Mapping[str, Any]
Inputs = Sequence[Any]

Converter = Callable[[Any, Inputs, Attributes, int], Any]
"""`(builder, inputs, attributes, opset) -> expression`; inputs that are left out are None."""


class NotConstantError(Exception):
    """An argument that has to be known at compile time is computed at run time."""


def constant(expr: Any, what: str) -> Any:
    """Return a constant as a numpy array; raise NotConstantError, which calls it `what`."""
    if not isinstance(expr, GenericConst):
        raise NotConstantError(f"its {what} is computed at run time")
    return expr.value.numpy()


def is_constant(expr: Any) -> bool:
    """Tell whether `expr` is known at compile time."""
    return isinstance(expr, GenericConst)


def input_at(inputs: Inputs, index: int) -> Any:
    """Return an input, or None if it is left out."""
    return inputs[index] if index < len(inputs) else None


def dtype_of(expr: Any) -> str:
    """Return the dtype of a tensor, by numpy's name."""
    return str(expr.ty.dtype.dtype)


def text(attributes: Attributes, name: str, default: str) -> str:
    """Return an attribute that is a string."""
    value = attributes.get(name, default)
    return value.decode() if isinstance(value, bytes) else str(value)
