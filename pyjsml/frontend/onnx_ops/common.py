"""What the converters share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx
from tvm import relax
from tvm.ir import GenericConst
from tvm.relax.frontend.onnx import onnx_frontend as tvm_onnx
from tvm.tirx import IntImm

if TYPE_CHECKING:
    from numpy.typing import NDArray

Attributes = Mapping[str, Any]
Inputs = Sequence[Any]

Converter = Callable[[Any, Inputs, Attributes, int], Any]
"""`(builder, inputs, attributes, opset) -> expression`; inputs that are left out are None."""


@dataclass(frozen=True)
class Tensors:
    """The value of an operator that gives a sequence: a tensor for each place."""

    items: tuple[Any, ...]


class UnsupportedError(Exception):
    """An operator asks for something that can't be compiled; the message says what."""


def tvm_converter(
    operator: str, builder: Any, inputs: Inputs, attributes: Attributes, opset: int
) -> Any:
    """Convert as TVM does."""
    convert = tvm_onnx._get_convert_map()[operator].get_converter(opset)
    given = tvm_onnx.onnx_input()
    given.extend(inputs)
    return convert(builder, given, dict(attributes), [{}, {}])


def constant(expr: Any, what: str) -> Any:
    """Return a constant as a numpy array; raise UnsupportedError, which calls it `what`."""
    if not isinstance(expr, GenericConst):
        raise UnsupportedError(f"its {what} would have to be known before a run")
    return expr.value.numpy()


def as_constant(array: NDArray[Any]) -> Any:
    """Return a numpy array as a constant. TVM would halve the width of 64-bit elements."""
    return relax.const(array, array.dtype.name)


def input_at(inputs: Inputs, index: int) -> Any:
    """Return an input, or None if it is left out."""
    return inputs[index] if index < len(inputs) else None


def dtype_of(expr: Any) -> str:
    """Return the dtype of a tensor, by numpy's name."""
    return str(expr.ty.dtype.dtype)


def dtype_name(kind: int) -> str:
    """Return numpy's name of a dtype that ONNX has a number for, or ONNX's own."""
    name = str(onnx.TensorProto.DataType.Name(kind)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def is_empty(expr: Any) -> bool:
    """Tell whether a tensor has an axis of length 0."""
    return any(isinstance(size, IntImm) and int(size) == 0 for size in expr.ty.shape)


def text(attributes: Attributes, name: str, default: str) -> str:
    """Return an attribute that is a string."""
    value = attributes.get(name, default)
    return value.decode() if isinstance(value, bytes) else str(value)
