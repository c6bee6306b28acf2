"""Views: which elements of what tensor a chain of reshapes, transposes and slices stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import tvm
from tvm import relax, tirx

from pyjsml.optimize.rewrite import op_name, shape_of
from pyjsml.optimize.simplify import RESHAPES, lookup, permutation


@dataclass(frozen=True)
class Step:
    """One of the strided axes that a dim of a view runs through."""

    size: Any
    stride: Any


@dataclass(frozen=True)
class View:
    """Elements of `base`: from the one numbered `start` on, along the steps of each dim.

    A dim runs through its steps as a number through its digits; one of size 1 has none.
    """

    base: relax.Expr
    start: Any
    dims: tuple[tuple[Step, ...], ...]


def view_of(builder: relax.BlockBuilder, expr: relax.Expr) -> View:
    """Return `expr` as a view of the tensor that it comes from, or of itself."""
    value = lookup(builder, expr)
    name = op_name(value)
    found = None
    if name in RESHAPES:
        found = _reshaped(view_of(builder, value.args[0]), shape_of(expr))
    elif name == "relax.permute_dims":
        found = permuted(view_of(builder, value.args[0]), permutation(value))
    elif name == "relax.strided_slice":
        found = _sliced(view_of(builder, value.args[0]), value, shape_of(expr))
    return found if found is not None else _whole(expr)


def permuted(view: View, order: Sequence[int]) -> View:
    """Return the view with its dims in another order."""
    return replace(view, dims=tuple(view.dims[axis] for axis in order))


def _whole(expr: relax.Expr) -> View:
    dims: list[tuple[Step, ...]] = []
    stride: Any = tirx.IntImm("int64", 1)
    for size in reversed(shape_of(expr)):
        dims.insert(0, () if _is(size, 1) else (Step(size, stride),))
        stride = _simplified(stride * size)
    return View(expr, tirx.IntImm("int64", 0), tuple(dims))


def _sliced(view: View, call: relax.Call, shape: Sequence[Any]) -> View | None:
    _, axes, begins, _, *strides = call.args
    if any(not _is(step, 1) for step in (strides[0] if strides else ())):
        return None
    dims = list(view.dims)
    start = view.start
    for axis, begin in zip(axes, begins, strict=True):
        position, first = int(axis) % len(dims), _constant(begin)
        if first is None or first < 0 or len(dims[position]) > 1:
            return None
        if dims[position]:
            (step,) = dims[position]
            start = _simplified(start + step.stride * first)
            size = shape[position]
            dims[position] = () if _is(size, 1) else (Step(size, step.stride),)
    return View(view.base, start, tuple(dims))


def _reshaped(view: View, shape: Sequence[Any]) -> View | None:
    """Deal the steps of the view out to dims of other sizes; None where a step can't be cut."""
    steps = [step for dim in view.dims for step in dim]
    dims: list[tuple[Step, ...]] = []
    for size in shape:
        own: list[Step] = []
        left = size
        while not _is(left, 1):
            if not steps:
                return None
            step = steps.pop(0)
            if _equal(step.size, left):
                taken, left = step, tirx.IntImm("int64", 1)
            elif (factor := _factor(step.size, left)) is not None:
                # The dim takes the outer part of the step, and leaves the inner one.
                taken = Step(left, step.stride * factor)
                steps.insert(0, Step(tirx.IntImm("int64", factor), step.stride))
                left = tirx.IntImm("int64", 1)
            elif (factor := _factor(left, step.size)) is not None:
                taken, left = step, tirx.IntImm("int64", factor)
            else:
                return None
            own.append(taken)
        dims.append(tuple(own))
    return View(view.base, view.start, tuple(dims)) if not steps else None


def _factor(whole: Any, part: Any) -> int | None:
    """Return by what `part` is to be multiplied for `whole`, if that is a number."""
    big, small = _constant(whole), _constant(part)
    if big is not None and small:
        return big // small if big % small == 0 else None
    ratio = _simplified(tirx.floordiv(whole, part))
    found = _constant(ratio)
    return found if found is not None and _equal(part * found, whole) else None


def box(view: View, order: Sequence[int]) -> tuple[list[Any], list[int]] | None:
    """Return the shape under which `view` is a box of its base, and where along it the box begins.

    The dims of the view in the given `order` become the axes, outermost first, the last of them
    contiguous. None if they are not in that order, or the box begins at no fixed place.
    """
    if any(len(dim) > 1 for dim in view.dims):
        return None
    axes = [view.dims[axis][0] if view.dims[axis] else None for axis in order]
    left = _constant(view.start)
    if left is None or axes[-1] is None or not _is(axes[-1].stride, 1):
        return None
    outer = [step.stride for step in axes if step is not None]
    outer = [_product(shape_of(view.base)), *outer[:-1]]
    shape: list[Any] = []
    starts: list[int] = []
    for step in reversed(axes):
        extent: Any = tirx.IntImm("int64", 1)
        if step is not None:
            beyond = outer.pop()
            extent = _simplified(tirx.floordiv(beyond, step.stride))
            if not _equal(extent * step.stride, beyond):
                return None
        length = _constant(extent)
        left, start = divmod(left, length) if length is not None else (0, left)
        size = None if step is None else _constant(step.size)
        if size is not None and length is not None and start + size > length:
            return None
        if start and length is None:
            return None
        shape.insert(0, extent)
        starts.insert(0, start)
    return (shape, starts) if left == 0 else None


def _product(sizes: Sequence[Any]) -> Any:
    return _simplified(math.prod(sizes, start=tirx.IntImm("int64", 1)))


def _simplified(expr: Any) -> Any:
    return tvm.sym.Analyzer().simplify(expr)


def _equal(left: Any, right: Any) -> bool:
    return bool(tvm.sym.Analyzer().can_prove_equal(left, right))


def _constant(expr: Any) -> int | None:
    value = getattr(expr, "value", expr)
    return int(value) if isinstance(value, int) else None


def _is(expr: Any, number: int) -> bool:
    return _constant(expr) == number
