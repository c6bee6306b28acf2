"""Definitions of argmax and argmin."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import relax

from pyjsml.kernels.ops import extremes
from pyjsml.optimize.rewrite import shape_of

Legalize = Callable[[relax.BlockBuilder, relax.Call], relax.Expr]


def _where(largest: bool) -> Legalize:
    def legalize(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
        data, attrs = call.args[0], call.attrs
        axis = None if attrs.axis is None else int(attrs.axis) % len(shape_of(data))
        name = "argmax" if largest else "argmin"
        return builder.call_te(
            extremes.where_extreme,
            data,
            axis,
            bool(attrs.keepdims),
            largest,
            primfunc_name_hint=name,
        )

    return legalize


LEGALIZE: Mapping[str, Legalize] = {
    "relax.argmax": _where(largest=True),
    "relax.argmin": _where(largest=False),
}
