"""Definitions of the operators that sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import relax, tirx

from pyjsml.kernels.ops import indexing, sorting
from pyjsml.optimize.rewrite import shape_of

Legalize = Callable[[relax.BlockBuilder, relax.Call], relax.Expr]


def _argsort(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    attrs = call.attrs
    x, axis = call.args[0], _axis(call)
    places = builder.emit_te(sorting.ranks, x, axis, bool(attrs.descending))
    return builder.call_te(sorting.order, places, axis, shape_of(x)[axis], str(attrs.dtype))


def _sort(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    x, axis = call.args[0], _axis(call)
    places = builder.emit_te(sorting.ranks, x, axis, bool(call.attrs.descending))
    order = builder.emit_te(sorting.order, places, axis, shape_of(x)[axis], "int32")
    return builder.call_te(indexing.gather_elements, x, order, axis)


def _topk(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    attrs = call.attrs
    x, axis = call.args[0], _axis(call)
    count = tirx.const(int(attrs.k), "int64") if int(attrs.k) > 0 else shape_of(x)[axis]
    places = builder.emit_te(sorting.ranks, x, axis, bool(attrs.largest))
    order = builder.emit_te(sorting.order, places, axis, count, str(attrs.dtype))
    if attrs.ret_type == "indices":
        return order
    values = builder.emit_te(indexing.gather_elements, x, order, axis)
    return values if attrs.ret_type == "values" else relax.Tuple([values, order])


def _axis(call: relax.Call) -> int:
    return int(call.attrs.axis) % len(shape_of(call.args[0]))


LEGALIZE: Mapping[str, Legalize] = {
    "relax.argsort": _argsort,
    "relax.sort": _sort,
    "relax.topk": _topk,
}
