"""Values that follow from shapes alone, which are known before any run, as expressions of dims.

Exporters write shapes as chains of small nodes: Shape, Gather, Div, Concat, Reshape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from tvm import relax, te, tirx
from tvm.ir import GenericConst

from pyjsml.frontend import symbolic
from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    UnsupportedError,
    as_constant,
    dtype_of,
)

_MOST = 64
"""Constants of more elements are data, not shapes."""
_INTEGERS = {int(onnx.TensorProto.INT64): "int64", int(onnx.TensorProto.INT32): "int32"}

Array = NDArray[Any]
Operator = Callable[[Any, Sequence[Any], Attributes], list[Any] | None]
"""`(builder, arrays, attributes) -> results`, or None if they can't be told."""


@dataclass(frozen=True)
class Sizes:
    """A tensor of an integer `dtype` whose elements are ints and TIR expressions of dims."""

    elements: Array
    dtype: str

    def tensor(self, builder: Any) -> Any:
        """Return the sizes as a tensor of a run."""
        parts = [
            builder.emit_te(
                lambda size: te.compute((1,), lambda _: tirx.Cast(self.dtype, size), name="size"),
                tirx.IntImm("int64", size) if isinstance(size, int) else size,
                primfunc_name_hint="size",
            )
            for size in self.elements.reshape(-1).tolist()
        ]
        joined = builder.emit(relax.op.concat(parts, 0)) if len(parts) > 1 else parts[0]
        return builder.emit(relax.op.reshape(joined, self.elements.shape))


def known(value: Any) -> Array | None:
    """Return the elements of what is known before a run, ints and TIR expressions; None of data."""
    if isinstance(value, Sizes):
        return value.elements
    if isinstance(value, GenericConst):
        array = value.value.numpy()
        if array.size <= _MOST and array.dtype.kind in "iub":
            return np.asarray(array, object)
    return None


def argument(value: Any, what: str) -> list[Any]:
    """Return sizes as a list; raise UnsupportedError, which calls them `what`, for data."""
    elements = known(value)
    if elements is None:
        raise UnsupportedError(f"its {what} would have to be known before a run")
    return list(elements.reshape(-1).tolist())


def value_of(elements: Any, dtype: str) -> Any:
    """Return ints and TIR expressions as sizes, or as a constant if they are all ints."""
    array = np.asarray(elements, object)
    if all(isinstance(each, int) for each in array.reshape(-1).tolist()):
        return as_constant(array.astype(dtype))
    return Sizes(array, dtype)


def shape(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Shape."""
    lengths = [_integer(builder, length) for length in inputs[0].ty.shape]
    return value_of(lengths[attributes.get("start", 0) : attributes.get("end")], "int64")


def count(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Size, the number of elements."""
    lengths = [_integer(builder, length) for length in inputs[0].ty.shape]
    return value_of(reduce(lambda a, b: a * b, lengths, 1), "int64")


def compute(
    builder: Any, operator: str, inputs: Inputs, attributes: Attributes
) -> list[Any] | None:
    """Return the results of an operator whose `inputs` are sizes, and integers that are constants.

    None if one is data, if shapes are not made by such operators, or if a result depends on more of
    the dims than is known.
    """
    dtypes = [
        each.dtype if isinstance(each, Sizes) else dtype_of(each)
        for each in inputs
        if isinstance(each, Sizes | GenericConst)
    ]
    dtypes = [dtype for dtype in dtypes if dtype in _INTEGERS.values()]
    if operator not in _OPERATORS or not dtypes:
        return None
    given = [None if each is None else known(each) for each in inputs]
    if any(array is None and each is not None for array, each in zip(given, inputs, strict=True)):
        return None
    results = _OPERATORS[operator](builder, given, attributes)
    dtype = "bool" if operator == "Equal" else _INTEGERS.get(attributes.get("to", 0), dtypes[0])
    return None if results is None else [value_of(each, dtype) for each in results]


def _integer(builder: Any, size: Any) -> Any:
    """Return a size as simple as it gets: as an int if it is a number."""
    simple = size if isinstance(size, int) else builder.simplify(size)
    return int(simple) if isinstance(simple, tirx.IntImm) else simple


def _elementwise(function: Callable[[Any, Any, Any], Any]) -> Operator:
    """Return an operator that applies `function` to two elements at a time, if that can tell."""

    def convert(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any] | None:
        def apply(a: Any, b: Any) -> Any:
            found = None if a is None or b is None else function(builder, a, b)
            return None if found is None else _integer(builder, found)

        found = np.asarray(reduce(np.frompyfunc(apply, 2, 1), given), object)
        return None if any(each is None for each in found.reshape(-1).tolist()) else [found]

    return convert


def _rounded(function: Callable[[Any, Any], Any]) -> Operator:
    """Return a division, or a remainder, rounded down; ONNX rounds other numbers towards zero."""
    return _elementwise(
        lambda builder, a, b: (
            function(a, b) if builder.proves(a >= 0) and builder.proves(b > 0) else None
        )
    )


def _equal(builder: Any, a: Any, b: Any) -> Any:
    difference = _integer(builder, a - b)
    if isinstance(difference, int):
        return int(difference == 0)
    return 0 if builder.proves(difference > 0) or builder.proves(difference < 0) else None


def _where(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any]:
    return [np.where(given[0].astype(bool), *given[1:])]


def _cast(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any] | None:
    return [given[0]] if attributes["to"] in _INTEGERS else None


def _reduced(function: Callable[..., Any]) -> Operator:
    def convert(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any] | None:
        found = np.asarray(
            _integer(builder, reduce(function, given[0].reshape(-1).tolist())), object
        )
        return [found.reshape([1] * given[0].ndim) if attributes.get("keepdims", 1) else found]

    return convert


def _gather(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any]:
    return [np.take(given[0], given[1].astype(int), attributes.get("axis", 0))]


def _concat(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any]:
    return [np.concatenate(given, attributes["axis"])]


def _slice(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any] | None:
    array = given[0]
    names = ("starts", "ends", "axes", "steps")
    lists = dict(zip(names, given[1:], strict=False)) | {
        name: np.asarray(attributes[name]) for name in names if name in attributes
    }
    bounds = [lists.get(name) for name in ("starts", "ends", "steps")]
    if array.ndim != 1 or any(isinstance(each, np.ndarray) and not _ints(each) for each in bounds):
        return None
    return [array[slice(*(None if each is None else int(each.item()) for each in bounds))]]


def _split(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any]:
    parts = attributes["tvm_custom"]["num_outputs"]
    length = -(-len(given[0]) // parts)
    sizes = attributes.get("split", given[1] if given[1:] else [length] * parts)
    return np.split(given[0], np.cumsum(np.asarray(sizes, int))[:-1])


def _squeeze(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any]:
    return [np.squeeze(given[0], _axes(given, attributes))]


def _unsqueeze(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any]:
    return [np.expand_dims(given[0], _axes(given, attributes) or ())]


def _reshape(builder: Any, given: Sequence[Any], attributes: Attributes) -> list[Any] | None:
    return [given[0].reshape(given[1].astype(int))] if _ints(given[1]) else None


def _axes(given: Sequence[Any], attributes: Attributes) -> tuple[int, ...] | None:
    axes = attributes.get("axes", given[1] if given[1:] else None)
    return None if axes is None else tuple(int(axis) for axis in np.reshape(axes, -1))


def _ints(array: Array) -> bool:
    return all(isinstance(each, int) for each in array.reshape(-1).tolist())


_OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "Add": _elementwise(lambda builder, a, b: a + b),
        "Cast": _cast,
        "Concat": _concat,
        "Div": _rounded(symbolic.floordiv),
        "Equal": _elementwise(_equal),
        "Gather": _gather,
        "Identity": lambda builder, given, attributes: [given[0]],
        "Max": _elementwise(lambda builder, a, b: symbolic.larger(a, b)),
        "Min": _elementwise(lambda builder, a, b: symbolic.smaller(a, b)),
        "Mod": _rounded(symbolic.floormod),
        "Mul": _elementwise(lambda builder, a, b: a * b),
        "ReduceProd": _reduced(lambda a, b: a * b),
        "ReduceSum": _reduced(lambda a, b: a + b),
        "Reshape": _reshape,
        "Slice": _slice,
        "Split": _split,
        "Squeeze": _squeeze,
        "Sub": _elementwise(lambda builder, a, b: a - b),
        "Unsqueeze": _unsqueeze,
        "Where": _where,
    }
)
