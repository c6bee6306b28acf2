"""The integers that a product gives, and the floats that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax

from pyjsml.kernels.ops import quantized
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.quantize.operands import number
from pyjsml.optimize.rewrite import shape_of


@dataclass(frozen=True)
class Sum:
    """A product's integers, and how to read them: clamp(scale[c] · (integers + offset[c])).

    `scale` is that of the activations times `weight_scale`, which has an element per channel.
    """

    integers: relax.Expr
    offset: relax.Expr
    scale: float
    weight_scale: relax.Expr
    channels: tuple[int, ...]
    """The shape in which a vector over the channels broadcasts."""
    low: float = -np.inf
    high: float = np.inf


def read(builder: relax.BlockBuilder, held: Sum, step: float) -> relax.Expr:
    """Return the floats that a sum stands for, in units of `step`."""

    def channelwise(vector: relax.Expr) -> relax.Expr:
        if len(held.channels) == 1 or not shape_of(vector):
            return vector
        return builder.emit(relax.op.reshape(vector, list(held.channels)))

    whole = builder.emit(relax.op.add(held.integers, channelwise(held.offset)))
    if (weight_scale := number(held.weight_scale)) is not None:
        factor: Any = np.float32(held.scale) * np.float32(weight_scale) / np.float32(step)
        scale = relax.const(factor, "float32")
    else:
        parts = [relax.const(part, "float32") for part in (held.scale, step)]
        scale = call_generic(
            builder, quantized.output_scale, [held.weight_scale, *parts], [("c",), (), ()]
        )
        scale = channelwise(builder.emit(scale))
    floats = builder.emit(relax.op.astype(whole, "float32"))
    value = relax.op.multiply(floats, scale)
    if held.low > -np.inf:
        value = relax.op.maximum(builder.emit(value), relax.const(held.low / step, "float32"))
    if held.high < np.inf:
        value = relax.op.minimum(builder.emit(value), relax.const(held.high / step, "float32"))
    return value
