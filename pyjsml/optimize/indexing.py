"""Definitions of the operators that index with data, and of running totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import relax, topi
from tvm.relax.transform.legalize_ops import manipulate

from pyjsml.kernels import indexing
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
    indices = builder.emit_te(indexing.indices_within, indices, shape_of(data)[axis])
    return builder.call_te(
        topi.scatter_elements, data, indices, updates, axis, call.attrs.reduction
    )


def _scatter_nd(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    data, indices, updates = call.args
    depth = int(shape_of(indices)[-1])
    indices = builder.emit_te(indexing.coordinates_within, indices, list(shape_of(data)[:depth]))
    return manipulate._scatter_nd(
        builder, relax.Call(call.op, [data, indices, updates], call.attrs)
    )


def _cumulative(function: Callable[..., object]) -> Legalize:
    def legalize(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
        attrs = call.attrs
        axis = None if attrs.axis is None else int(attrs.axis)
        dtype = str(attrs.dtype or dtype_of(call.args[0]))
        return builder.call_te(function, call.args[0], axis, dtype, bool(attrs.exclusive))

    return legalize


LEGALIZE: Mapping[str, Legalize] = {
    "relax.take": _take,
    "relax.gather_elements": _gather_elements,
    "relax.gather_nd": _gather_nd,
    "relax.scatter_elements": _scatter_elements,
    "relax.scatter_nd": _scatter_nd,
    "relax.cumsum": _cumulative(topi.cumsum),
    "relax.cumprod": _cumulative(topi.cumprod),
}
