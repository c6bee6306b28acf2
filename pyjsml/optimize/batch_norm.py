"""Fold batch normalisation into the convolution before it.

With scale = gamma / sqrt(variance + epsilon), normalising the output of a convolution equals
convolving with weight · scale and adding beta - mean · scale (Ioffe and Szegedy, 2015).
Both are computed when weights are loaded, so weights keep their own names and can be exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import tvm
from tvm import relax

from pyjsml.kernels.ops.batch_norm import normalization_shift, scaled_weight
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.rewrite import (
    bindings,
    constant_vars,
    dtype_of,
    op_name,
    rebuild,
    shape_of,
    use_counts,
)
from pyjsml.optimize.simplify import lookup
from pyjsml.program import Origin


def fold_batch_norm(
    module: tvm.IRModule, origins: Mapping[str, Origin]
) -> tuple[tvm.IRModule, dict[str, Origin]]:
    """Return `module` without `batch_norm`: folded into a convolution, else a scale and a shift.

    The second result is `origins` and those of the folded convolutions, which equal no node.
    """
    foldable = _foldable(module)
    known = dict(origins)

    def transform(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        if not isinstance(value, relax.TupleGetItem):
            return value
        norm = lookup(builder, value.tuple_value)
        if op_name(norm) != "relax.nn.batch_norm" or value.index != 0:
            return value
        x, statistics = norm.args[0], list(norm.args[1:])
        along_channels = [1] * len(shape_of(var))
        along_channels[int(norm.attrs.axis)] = -1
        if var in foldable:
            folded = builder.emit(_scaled(builder, lookup(builder, x), norm), f"{x.name}_folded")
            if x.name in known:
                known[folded.name] = replace(known[x.name], output="")
            x = folded
        else:
            x = builder.emit(_multiplied(builder, x, norm, along_channels))
        shift = call_generic(
            builder, normalization_shift, statistics, [("c",)] * 4, epsilon=norm.attrs.epsilon
        )
        return relax.op.add(x, builder.emit(relax.op.reshape(builder.emit(shift), along_channels)))

    module = rebuild(module, transform)
    return relax.transform.DeadCodeElimination(["main"])(module), known


def _foldable(module: tvm.IRModule) -> set[relax.Var]:
    """Return the normalisations that alone read a convolution's output."""
    values = {binding.var: binding.value for binding in bindings(module)}
    uses = use_counts(module)
    weights = constant_vars(module)
    found: set[relax.Var] = set()
    for var, value in values.items():
        norm: Any = values.get(value.tuple_value) if isinstance(value, relax.TupleGetItem) else None
        if op_name(norm) != "relax.nn.batch_norm":
            continue
        x = norm.args[0]
        convolution: Any = values.get(x)
        read_once = op_name(convolution) == "relax.nn.conv2d" and uses[x] == 1
        if read_once and convolution.args[1] in weights:
            found.add(var)
    return found


def _scaled(builder: relax.BlockBuilder, convolution: relax.Call, norm: relax.Call) -> relax.Expr:
    gamma, variance = norm.args[1], norm.args[4]
    x, weight = convolution.args
    scaled = call_generic(
        builder,
        scaled_weight,
        [weight, gamma, variance],
        [("o", "i", "h", "w"), ("o",), ("o",)],
        epsilon=norm.attrs.epsilon,
    )
    return relax.Call(convolution.op, [x, builder.emit(scaled)], convolution.attrs)


def _multiplied(
    builder: relax.BlockBuilder, x: relax.Expr, norm: relax.Call, shape: list[int]
) -> relax.Expr:
    gamma, variance = norm.args[1], norm.args[4]
    epsilon = relax.const(norm.attrs.epsilon, dtype_of(variance))
    deviation = builder.emit(relax.op.sqrt(builder.emit(relax.op.add(variance, epsilon))))
    scale = builder.emit(relax.op.divide(gamma, deviation))
    return relax.op.multiply(x, builder.emit(relax.op.reshape(scale, shape)))
