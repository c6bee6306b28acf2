"""Distances and products of every pair of rows."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax

from pyjsml.frontend.torch_ops.common import arguments, dtype_of


def cdist(importer: Any, node: Any) -> Any:
    """Convert cdist: the p-norms of the differences of all rows."""
    builder = importer.block_builder
    left, right, p, _ = arguments(importer, node, None)
    apart = builder.emit(
        relax.op.subtract(relax.op.expand_dims(left, -2), relax.op.expand_dims(right, -3))
    )
    if p == 2:
        return builder.emit(relax.op.sqrt(relax.op.sum(relax.op.multiply(apart, apart), -1)))
    dtype = dtype_of(apart)
    lengths = builder.emit(relax.op.abs(apart))
    if p == 0:
        differ = relax.op.greater(lengths, relax.const(0, dtype))
        return builder.emit(relax.op.sum(relax.op.astype(differ, dtype), -1))
    if p == 1:
        return builder.emit(relax.op.sum(lengths, -1))
    if math.isinf(p):
        return builder.emit(relax.op.max(lengths, -1))
    powers = relax.op.sum(relax.op.power(lengths, relax.const(p, dtype)), -1)
    return builder.emit(relax.op.power(powers, relax.const(1 / p, dtype)))


def trilinear(importer: Any, node: Any) -> Any:
    """Convert the product of three tensors, spread along new axes, summed along others."""
    builder = importer.block_builder
    *tensors, first, second, third, summed = arguments(importer, node, None)[:7]
    spread = [
        builder.emit(relax.op.expand_dims(tensor, list(axes))) if axes else tensor
        for tensor, axes in zip(tensors, (first, second, third), strict=True)
    ]
    product = relax.op.multiply(relax.op.multiply(spread[0], spread[1]), spread[2])
    return builder.emit(relax.op.sum(product, list(summed)))
