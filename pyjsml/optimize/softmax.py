"""The definition of softmax."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import relax

from pyjsml.kernels.ops import softmax
from pyjsml.optimize.rewrite import shape_of


def _softmax(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    axis = int(call.attrs.axis) % len(shape_of(call.args[0]))
    return builder.call_te(softmax.softmax, call.args[0], axis, primfunc_name_hint="softmax")


LEGALIZE: Mapping[str, Callable[[relax.BlockBuilder, relax.Call], relax.Expr]] = {
    "relax.nn.softmax": _softmax
}
