"""Definitions of the pools whose windows follow from the sizes of their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import relax

from pyjsml.kernels.ops.adaptive import adaptive_mean
from pyjsml.optimize.rewrite import shape_of

Legalize = Callable[[relax.BlockBuilder, relax.Call], relax.Expr]


def _adaptive(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    x = call.args[0]
    axes = [axis for axis, name in enumerate(str(call.attrs.layout)) if name in "DHW"]
    sizes = [shape_of(call)[axis] for axis in axes]
    return builder.call_te(adaptive_mean, x, sizes, axes, primfunc_name_hint="adaptive_mean")


LEGALIZE: Mapping[str, Legalize] = {
    f"relax.nn.adaptive_avg_pool{count}d": _adaptive for count in (1, 2, 3)
}
