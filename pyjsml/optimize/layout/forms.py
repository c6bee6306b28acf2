"""The two forms of each value, as the model has it and channels last, made when asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tvm
from tvm import relax

from pyjsml.kernels.tir.dims import FlatDims
from pyjsml.optimize.rewrite import dtype_of, emit, operands, shape_of, substitute
from pyjsml.optimize.simplify import reshape

NHWC = (0, 2, 3, 1)
"""Axis i of an NHWC tensor is axis NHWC[i] of the NCHW tensor."""
NCHW = (0, 3, 1, 2)
"""Axis i of an NCHW tensor is axis NCHW[i] of the NHWC tensor; also where an NCHW axis has gone."""
NCHW_AXIS_IN_NHWC = (0, 3, 1, 2)


class Activations:
    """The function under construction, with the form or forms in which each value exists."""

    def __init__(
        self, builder: relax.BlockBuilder, layouts: dict[str, tuple[int, ...]], flat: FlatDims
    ) -> None:
        self.builder = builder
        self.layouts = layouts
        self.flat = flat
        self._plain: dict[relax.Var, relax.Expr] = {}
        self._last: dict[relax.Var, relax.Expr] = {}

    def define(self, var: relax.Var, value: relax.Expr) -> None:
        """Bind `value`, which is in the model's own layout, to the name of `var`."""
        self._plain[var] = emit(self.builder, value, var.name)

    def define_last(self, var: relax.Var, value: relax.Expr) -> None:
        """Give `var` the channels-last `value`, and its name too if `value` is not bound yet."""
        if not isinstance(value, relax.Var):
            value = self.bind(value, var.name)
        self._last[var] = value

    def bind(self, value: relax.Expr, name: str) -> relax.Var:
        """Bind a channels-last value to a name of the model."""
        bound = self.builder.emit(value, name_hint=name)
        self.layouts[bound.name] = NHWC
        return bound

    def is_last(self, expr: relax.Expr) -> bool:
        """Say whether `expr` was computed channels last."""
        return isinstance(expr, relax.Var) and expr in self._last

    def plain(self, expr: relax.Expr) -> relax.Expr:
        """Return `expr` of the old function in the model's own layout, in the new function."""
        if isinstance(expr, relax.Var) and expr not in self._plain and expr in self._last:
            last = self._last[expr]
            self._plain[expr] = self._transposed(last, NCHW, channels=3)
        return substitute(expr, self._plain)

    def last(self, expr: relax.Expr) -> relax.Expr:
        """Return `expr` of the old function channels last, in the new function.

        Tensors of a lower rank broadcast against NCHW, so they are given its rank first.
        """
        if isinstance(expr, relax.Var) and expr in self._last:
            return self._last[expr]
        shape = list(shape_of(expr))
        if not shape:
            return self.plain(expr)
        if isinstance(expr, tvm.ir.GenericConst):
            array = expr.value.numpy().reshape((1,) * (4 - len(shape)) + expr.value.numpy().shape)
            return relax.const(np.ascontiguousarray(array.transpose(NHWC)), dtype_of(expr))
        full = self.plain(expr)
        if len(shape) < 4:
            ones: list[tvm.ir.Expr | int] = [1] * (4 - len(shape))
            full = emit(self.builder, reshape(self.builder, full, [*ones, *shape]))
        moved = self._transposed(full, NHWC, channels=1)
        if isinstance(expr, relax.Var):
            self._last[expr] = moved
        return moved

    def operands_to_plain(self, value: relax.Expr) -> relax.Expr:
        """Return `value` over operands in the model's own layout."""
        for var in operands(value):
            self.plain(var)
        return substitute(value, self._plain)

    def _transposed(self, x: relax.Expr, order: tuple[int, ...], channels: int) -> relax.Expr:
        sizes = shape_of(x)
        spatial = [axis for axis in (1, 2, 3) if axis != channels]
        if is_one(sizes[channels]) or all(is_one(sizes[axis]) for axis in spatial):
            return emit(self.builder, reshape(self.builder, x, [sizes[axis] for axis in order]))
        return self.builder.emit(relax.op.permute_dims(x, list(order)))


Handler = Callable[[Activations, relax.Var, relax.Call], bool]
"""Defines the variable as the call computes it channels last, or returns False."""


def is_one(size: tvm.ir.Expr) -> bool:
    """Say whether a size is the constant 1."""
    return isinstance(size, tvm.tirx.IntImm) and int(size) == 1
