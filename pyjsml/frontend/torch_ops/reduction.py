"""Reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from pyjsml.frontend.torch_ops.common import arguments, dtype_of


def largest(importer: Any, node: Any) -> Any:
    """Convert amax."""
    return _reduced(importer, node, relax.op.max)


def smallest(importer: Any, node: Any) -> Any:
    """Convert amin."""
    return _reduced(importer, node, relax.op.min)


def product(importer: Any, node: Any) -> Any:
    """Convert prod along an axis."""
    return _reduced(importer, node, relax.op.prod)


def largest_and_where(importer: Any, node: Any) -> Any:
    """Convert max along an axis, which says where, too."""
    return _extreme_and_where(importer, node, relax.op.max, relax.op.argmax)


def smallest_and_where(importer: Any, node: Any) -> Any:
    """Convert min along an axis, which says where, too."""
    return _extreme_and_where(importer, node, relax.op.min, relax.op.argmin)


def variance_and_mean(importer: Any, node: Any) -> Any:
    """Convert var_mean, with Bessel's correction or another."""
    builder = importer.block_builder
    data, axes = arguments(importer, node, None)[:2]
    axes = list(range(data.ty.ndim)) if axes is None else list(axes)
    keep = bool(node.kwargs.get("keepdim", False))
    correction = node.kwargs.get("correction")
    mean = builder.emit(relax.op.mean(data, axes, keepdims=keep))
    variance = builder.emit(relax.op.variance(data, axes, keepdims=keep))
    count = 1
    for axis in axes:
        count *= int(data.ty.shape[axis])
    factor = count / max(count - (1 if correction is None else correction), 0.0)
    scaled = relax.op.multiply(variance, relax.const(factor, dtype_of(data)))
    return builder.emit(scaled), mean


def _reduced(importer: Any, node: Any, reduce: Callable[..., Any]) -> Any:
    data, *rest = importer.retrieve_args(node)
    axes = rest[0] if rest else []
    axes = [axes] if isinstance(axes, int) else list(axes)
    keep = bool(rest[1]) if rest[1:] else bool(node.kwargs.get("keepdim", False))
    return importer.block_builder.emit(reduce(data, axes or None, keepdims=keep))


def _extreme_and_where(
    importer: Any, node: Any, reduce: Callable[..., Any], where: Callable[..., Any]
) -> Any:
    data, axis, *rest = importer.retrieve_args(node)
    keep = bool(rest[0]) if rest else False
    builder = importer.block_builder
    value = builder.emit(reduce(data, [axis], keepdims=keep))
    return value, builder.emit(where(data, axis, keepdims=keep))
