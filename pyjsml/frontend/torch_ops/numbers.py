"""Numbers that a model computes from sizes: floats, such as the square root of a length."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from tvm import relax

from pyjsml.frontend.torch_ops.common import Converter, operand

DTYPE = "float32"
"""What such numbers are computed in; sizes below 2²⁴ are exact in it."""


def _of_numbers(compute: Callable[..., Any]) -> Converter:
    def convert(importer: Any, node: Any) -> Any:
        operands = [operand(importer, each, DTYPE) for each in importer.retrieve_args(node)]
        return importer.block_builder.emit(compute(*operands))

    return convert


_NUMBERS: Mapping[Any, Converter] = MappingProxyType(
    {
        torch.sym_float: _of_numbers(lambda x: x),
        torch.sym_sqrt: _of_numbers(relax.op.sqrt),
        math.sqrt: _of_numbers(relax.op.sqrt),
        operator.add: _of_numbers(relax.op.add),
        operator.mul: _of_numbers(relax.op.multiply),
        operator.neg: _of_numbers(relax.op.negative),
        operator.pow: _of_numbers(relax.op.power),
        operator.sub: _of_numbers(relax.op.subtract),
        operator.truediv: _of_numbers(relax.op.divide),
    }
)


def number_converter(node: Any) -> Converter | None:
    """Return how a graph node is converted that computes a float from sizes; None for another."""
    if not isinstance(node.meta.get("val"), torch.SymFloat):
        return None
    return _NUMBERS.get(node.target)
