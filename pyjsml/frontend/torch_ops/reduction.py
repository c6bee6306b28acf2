"""Reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from pyjsml.frontend.tensors import dtype_name
from pyjsml.frontend.torch_ops.common import arguments, dtype_of, limits, numbers_of, operand


def largest(importer: Any, node: Any) -> Any:
    """Convert amax."""
    return _reduced(importer, node, relax.op.max)


def smallest(importer: Any, node: Any) -> Any:
    """Convert amin."""
    return _reduced(importer, node, relax.op.min)


def product(importer: Any, node: Any) -> Any:
    """Convert prod, of which integers and booleans are integers."""
    return _reduced(importer, node, relax.op.prod)


def any_true(importer: Any, node: Any) -> Any:
    """Convert any, whose operands may be numbers."""
    builder = importer.block_builder
    data, *rest = importer.retrieve_args(node)
    axes, keep = (rest[:1] or [None])[0], bool(rest[1:] and rest[1])
    truths = numbers_of(importer, operand(importer, data, "bool"))
    return operand(importer, builder.emit(relax.op.max(truths, axes, keepdims=keep)), "bool")


def running_sum(importer: Any, node: Any) -> Any:
    """Convert cumsum, of which integers and booleans are 64-bit integers."""
    return _running(importer, node, relax.op.cumsum)


def running_product(importer: Any, node: Any) -> Any:
    """Convert cumprod, of which integers and booleans are 64-bit integers."""
    return _running(importer, node, relax.op.cumprod)


def largest_and_where(importer: Any, node: Any) -> Any:
    """Convert max along an axis, which says where, too."""
    return _extreme_and_where(importer, node, relax.op.max, relax.op.argmax)


def smallest_and_where(importer: Any, node: Any) -> Any:
    """Convert min along an axis, which says where, too."""
    return _extreme_and_where(importer, node, relax.op.min, relax.op.argmin)


def running_largest(importer: Any, node: Any) -> Any:
    """Convert cummax."""
    return _running_extreme(importer, node, relax.op.max, largest=True)


def running_smallest(importer: Any, node: Any) -> Any:
    """Convert cummin."""
    return _running_extreme(importer, node, relax.op.min, largest=False)


def variance_and_mean(importer: Any, node: Any) -> Any:
    """Convert var_mean, with Bessel's correction or another."""
    data, axes, keep = _over(importer, node)
    mean = importer.block_builder.emit(relax.op.mean(data, axes, keepdims=keep))
    return variance(importer, node), mean


def variance(importer: Any, node: Any) -> Any:
    """Convert var, with Bessel's correction or another, over axes of any lengths."""
    builder = importer.block_builder
    data, axes, keep = _over(importer, node)
    correction = node.kwargs.get("correction")
    correction = 1 if correction is None else correction
    biased = builder.emit(relax.op.variance(data, axes, keepdims=keep))
    if correction == 0:
        return biased
    dtype, count = dtype_of(data), 1
    for axis in axes:
        count *= data.ty.shape[axis]
    size = operand(importer, builder.simplify(count), dtype)
    degrees = builder.emit(relax.op.subtract(size, relax.const(correction, dtype)))
    degrees = builder.emit(relax.op.maximum(degrees, relax.const(0, dtype)))
    return builder.emit(relax.op.multiply(biased, relax.op.divide(size, degrees)))


def _over(importer: Any, node: Any) -> tuple[Any, list[int], bool]:
    """Return what a variance is of, the axes that it is over, and whether they stay."""
    data, axes = arguments(importer, node, None)[:2]
    axes = list(range(data.ty.ndim)) if axes is None else list(axes)
    return data, axes, bool(node.kwargs.get("keepdim", False))


def _reduced(importer: Any, node: Any, reduce: Callable[..., Any]) -> Any:
    data, *rest = importer.retrieve_args(node)
    axes = rest[0] if rest else []
    axes = [axes] if isinstance(axes, int) else list(axes)
    keep = bool(rest[1]) if rest[1:] else bool(node.kwargs.get("keepdim", False))
    builder = importer.block_builder
    dtype = dtype_name(node.meta["val"].dtype)
    data = numbers_of(importer, operand(importer, data, dtype))
    reduced = builder.emit(reduce(data, axes or None, keepdims=keep))
    return operand(importer, reduced, dtype)


def _running(importer: Any, node: Any, accumulate: Callable[..., Any]) -> Any:
    data, axis = importer.retrieve_args(node)[:2]
    data = operand(importer, data, dtype_name(node.meta["val"].dtype))
    return importer.block_builder.emit(accumulate(data, axis))


def _extreme_and_where(
    importer: Any, node: Any, reduce: Callable[..., Any], where: Callable[..., Any]
) -> Any:
    data, axis, *rest = importer.retrieve_args(node)
    keep = bool(rest[0]) if rest else False
    builder = importer.block_builder
    dtype = dtype_of(data)
    data = numbers_of(importer, data)
    value = builder.emit(reduce(data, [axis], keepdims=keep))
    return operand(importer, value, dtype), builder.emit(where(data, axis, keepdims=keep))


def _running_extreme(
    importer: Any, node: Any, reduce: Callable[..., Any], *, largest: bool
) -> tuple[Any, Any]:
    """Return the extremes of all up to each element, and where they are: the last of equal ones."""
    builder = importer.block_builder
    given, axis = importer.retrieve_args(node)[:2]
    axis %= given.ty.ndim
    data = numbers_of(importer, given)
    dtype, size = dtype_of(data), data.ty.shape[axis]
    # An axis of all elements behind the axis of those up to which the extreme is.
    along, behind = (
        [size if each == at else 1 for each in range(data.ty.ndim + 1)] for at in (axis, axis + 1)
    )
    places = builder.emit(relax.op.arange(0, size, 1, "int64"))
    each = builder.emit(relax.op.reshape(places, behind))
    seen = builder.emit(relax.op.less_equal(each, relax.op.reshape(places, along)))
    rows = builder.emit(relax.op.expand_dims(data, axis))
    none = relax.const(limits(dtype)[0 if largest else 1], dtype)
    value = builder.emit(reduce(relax.op.where(seen, rows, none), [axis + 1]))
    same = relax.op.equal(rows, relax.op.expand_dims(value, axis + 1))
    last = relax.op.where(relax.op.logical_and(seen, same), each, relax.const(-1, "int64"))
    return operand(importer, value, dtype_of(given)), builder.emit(relax.op.max(last, [axis + 1]))
