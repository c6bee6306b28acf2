"""Definitions of the operators that index with data, and of running totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import relax, topi

from pyjsml.kernels.gathered.gathered import form
from pyjsml.kernels.ops import indexing, scatter
from pyjsml.optimize.rewrite import dtype_of, shape_of

Legalize = Callable[[relax.BlockBuilder, relax.Call], relax.Expr]


def _take(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    data, indices = call.args
    axis = 0 if call.attrs.axis is None else int(call.attrs.axis) % len(shape_of(data))
    return builder.call_te(indexing.take, data, indices, axis, primfunc_name_hint="take")


def _gather_elements(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    data, indices = call.args
    axis = int(call.attrs.axis) % len(shape_of(data))
    return builder.call_te(
        indexing.gather_elements, data, indices, axis, primfunc_name_hint="gather_elements"
    )


def _gather_nd(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    batch_dims = int(call.attrs.batch_dims)
    return builder.call_te(
        indexing.gather_nd, *call.args, batch_dims, primfunc_name_hint="gather_nd"
    )


def _scatter_elements(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    data, indices, updates = call.args
    axis = int(call.attrs.axis) % len(shape_of(data))
    reduction = str(call.attrs.reduction)
    indices = builder.emit_te(indexing.indices_within, indices, shape_of(data)[axis])
    return builder.call_te(
        scatter.scatter_elements,
        data,
        indices,
        updates,
        axis,
        reduction,
        primfunc_attrs=form("scatter_elements", axis=axis, reduction=reduction),
    )


def _scatter_nd(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    data, indices, updates = call.args
    depth = int(shape_of(indices)[-1])
    reduction = str(call.attrs.reduction)
    indices = builder.emit_te(indexing.coordinates_within, indices, list(shape_of(data)[:depth]))
    return builder.call_te(
        scatter.scatter_nd,
        data,
        indices,
        updates,
        reduction,
        primfunc_attrs=form("scatter_nd", reduction=reduction),
    )


def _cumulative(function: Callable[..., object], product: int) -> Legalize:
    def legalize(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
        attrs, x = call.attrs, call.args[0]
        axis = None if attrs.axis is None else int(attrs.axis) % len(shape_of(x))
        dtype = str(attrs.dtype or dtype_of(x))
        exclusive = bool(attrs.exclusive)
        if axis is None:
            return builder.call_te(function, x, axis, dtype, exclusive)
        scanned = form("scan", axis=axis, product=product, exclusive=int(exclusive), dtype=dtype)
        return builder.call_te(function, x, axis, dtype, exclusive, primfunc_attrs=scanned)

    return legalize


LEGALIZE: Mapping[str, Legalize] = {
    "relax.take": _take,
    "relax.gather_elements": _gather_elements,
    "relax.gather_nd": _gather_nd,
    "relax.scatter_elements": _scatter_elements,
    "relax.scatter_nd": _scatter_nd,
    "relax.cumsum": _cumulative(topi.cumsum, 0),
    "relax.cumprod": _cumulative(topi.cumprod, 1),
}
