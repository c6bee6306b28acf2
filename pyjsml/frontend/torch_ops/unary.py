"""Functions of real numbers, which torch also takes of integers and booleans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pyjsml.frontend.tensors import dtype_name
from pyjsml.frontend.torch_ops.common import operand

_REAL = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "sin", "sinh", "tan"),
    *("tanh", "erf", "exp", "expm1", "log", "log10", "log1p", "log2", "reciprocal", "rsqrt"),
    *("sigmoid", "sqrt"),
)


def real_functions(importer: Any) -> Mapping[str, Callable[[Any], Any]]:
    """Return TVM's converters of these functions, with operands of other dtypes made floats."""
    return {
        f"{name}.default": partial(_convert, importer, importer.convert_map[f"{name}.default"])
        for name in _REAL
    }


def _convert(importer: Any, convert: Callable[[Any], Any], node: Any) -> Any:
    argument = node.args[0]
    given = importer.env[argument]
    importer.env[argument] = operand(importer, given, dtype_name(node.meta["val"].dtype))
    try:
        return convert(node)
    finally:
        importer.env[argument] = given
