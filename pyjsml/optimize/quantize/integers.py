"""Products of dequantised values as products of the bytes themselves.

    quantize(relu(conv2d(dequantize(x), dequantize(w)) + dequantize(b)))

becomes

    quantize(scale[c] · (conv2d(x, w) + offset[c]))

where `offset` takes in the zero point of `x` and the bias, and `scale` the scales of all three.
Both are worked out at load time, from the weights under their own names. An activation function
that only cuts off values which quantisation cuts off as well goes. What follows the product fuses
with it, so that no float leaves the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import tvm
from tvm import relax

from pyjsml.kernels.ops import quantized
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.quantize.moves import MOVES, added_up, averaged, joined, moved
from pyjsml.optimize.quantize.operands import dequantized, is_activation, number, unsigned
from pyjsml.optimize.quantize.sums import Sum, read
from pyjsml.optimize.quantize.weights import Weights
from pyjsml.optimize.rewrite import (
    dtype_of,
    emit,
    op_name,
    rebuild,
    shape_of,
)
from pyjsml.optimize.simplify import lookup


def multiply_integers(module: tvm.IRModule, arrays: Mapping[str, Any]) -> tvm.IRModule:
    """Return `module` with integer products where both factors were dequantised.

    `arrays` has the weights by name. Those products have int32 results; what quantises them, and
    what else reads them, is element-wise.
    """
    rewriter = _Rewriter(module, arrays)
    rewritten = rebuild(module, rewriter.transform)
    return relax.transform.DeadCodeElimination(["main"])(rewritten)


class _Rewriter:
    def __init__(self, module: tvm.IRModule, arrays: Mapping[str, Any]) -> None:
        self._weights = Weights(module, arrays)
        self._sums: dict[relax.Var, Sum] = {}
        self._handlers = {
            "relax.nn.conv2d": self._conv2d,
            "relax.matmul": self._matmul,
            "relax.add": self._add,
            "relax.nn.relu": self._clamp,
            "relax.clip": self._clamp,
            "relax.quantize": self._quantize,
            "relax.dequantize": self._dequantize,
            "relax.concat": joined,
            "relax.sum": added_up,
            "relax.nn.adaptive_avg_pool2d": averaged,
            **dict.fromkeys(MOVES, moved),
        }

    def transform(
        self, builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr
    ) -> relax.Expr:
        """Return what `var` is to be bound to instead of `value`."""
        handler = self._handlers.get(op_name(value))
        result = handler(builder, value) if handler is not None else None
        if result is None:
            return value
        if not isinstance(result, Sum):
            return result
        bound = emit(builder, read(builder, result, 1.0), var.name)
        self._sums[bound] = result
        return bound

    def _conv2d(self, builder: relax.BlockBuilder, call: relax.Call) -> Sum | None:
        x, weight = (dequantized(builder, factor) for factor in call.args)
        if x is None or weight is None or not is_activation(x):
            return None
        if not self._weights.is_weight(builder, weight, axis=0):
            return None
        attrs = call.attrs
        outputs, inputs = (int(size) for size in shape_of(weight.args[0])[:2])
        depthwise = inputs == 1 and outputs == int(attrs.groups) and outputs % PANEL == 0
        if attrs.data_layout != "NCHW" or attrs.kernel_layout != "OIHW":
            return None
        if not (depthwise or int(attrs.groups) == 1):
            return None
        data, scale, zero = unsigned(builder, x)
        padding = [int(size) for size in attrs.padding]
        if any(padding):
            top, left, bottom, right = padding
            data = relax.op.nn.pad(data, [0, 0, 0, 0, top, bottom, left, right], pad_value=zero)
            data = builder.emit(data)
        integers = relax.op.nn.conv2d(
            data,
            weight.args[0],
            strides=list(attrs.strides),
            dilation=list(attrs.dilation),
            groups=int(attrs.groups),
            out_dtype="int32",
        )
        offset = call_generic(
            builder,
            quantized.zero_point_offset,
            [weight.args[0], relax.const(zero, "int32")],
            [("o", "i", "h", "w"), ()],
        )
        return Sum(
            builder.emit(integers),
            builder.emit(offset),
            scale,
            weight.args[1],
            (1, outputs, 1, 1),
        )

    def _matmul(self, builder: relax.BlockBuilder, call: relax.Call) -> Sum | None:
        x, weight = (dequantized(builder, factor) for factor in call.args)
        turned = lookup(builder, call.args[1])
        transposed = weight is None and op_name(turned) == "relax.permute_dims"
        if transposed:
            weight = dequantized(builder, turned.args[0])
        if x is None or weight is None or len(shape_of(weight.args[0])) != 2:
            return None
        axis = 0 if transposed else 1
        if not is_activation(x) or not self._weights.is_weight(builder, weight, axis):
            return None
        matrix = weight.args[0]
        if transposed:
            matrix = builder.emit(relax.op.permute_dims(matrix, turned.attrs.axes))
        data, scale, zero = unsigned(builder, x)
        offset = call_generic(
            builder,
            quantized.column_offset,
            [matrix, relax.const(zero, "int32")],
            [("k", "n"), ()],
        )
        integers = builder.emit(relax.op.matmul(data, matrix, "int32"))
        columns = int(shape_of(matrix)[1])
        return Sum(integers, builder.emit(offset), scale, weight.args[1], (columns,))

    def _add(self, builder: relax.BlockBuilder, call: relax.Call) -> Sum | None:
        """Take in a bias that is quantised with the scale of the sum."""
        for left, right in (call.args, call.args[::-1]):
            held = self._sums.get(left)
            bias = self._bias(builder, right, held) if held is not None else None
            if held is not None and bias is not None and held.low == -held.high == -np.inf:
                names = [("c",), ("c",)]
                offset = call_generic(builder, quantized.with_bias, [held.offset, bias], names)
                return replace(held, offset=builder.emit(offset))
        return None

    def _bias(self, builder: relax.BlockBuilder, expr: relax.Expr, held: Sum) -> Any:
        source = lookup(builder, expr)
        if op_name(source) == "relax.reshape":
            source = lookup(builder, source.args[0])
        if op_name(source) != "relax.dequantize" or dtype_of(source.args[0]) != "int32":
            return None
        bias, scale, zero = source.args
        step = self._weights.value(builder, scale)
        weights = self._weights.value(builder, held.weight_scale)
        matches = step is not None and weights is not None
        if not matches or not np.allclose(step, held.scale * weights, rtol=1e-3, atol=0):
            return None
        per_channel = [int(size) for size in shape_of(bias)] == [max(held.channels)]
        zeros = isinstance(zero, tvm.ir.GenericConst) and not zero.value.numpy().any()
        same = list(map(int, shape_of(expr)))[-len(held.channels) :] == list(held.channels)
        return bias if per_channel and zeros and same else None

    def _clamp(self, builder: relax.BlockBuilder, call: relax.Call) -> Sum | None:
        held = self._sums.get(call.args[0])
        if held is None:
            return None
        low, high = 0.0, np.inf
        if op_name(call) == "relax.clip":
            low, high = (float(bound.value) for bound in call.args[1:])
        return replace(held, low=min(max(held.low, low), high), high=max(min(held.high, high), low))

    def _quantize(self, builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
        x, scale, zero = call.args
        if number(scale) is None or number(zero) is None:
            return None
        held = self._sums.get(x)
        if held is None:
            return self._quantize_again(builder, call)
        step, limits = number(scale), np.iinfo(str(call.attrs.out_dtype))
        # Rounding keeps the order, so a bound that rounds to the last value cuts off no other.
        if np.round(held.low / step) <= limits.min - number(zero):
            held = replace(held, low=-np.inf)
        if np.round(held.high / step) >= limits.max - number(zero):
            held = replace(held, high=np.inf)
        scaled = emit(builder, read(builder, held, step))
        one = relax.const(1.0, "float32")
        return relax.op.quantize(scaled, one, zero, 0, call.attrs.out_dtype)

    def _quantize_again(self, builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
        """Quantise what was joined part by part; leave bytes that come out as they are alone."""
        x, scale, zero = call.args
        kind = call.attrs.out_dtype
        source = lookup(builder, x)
        if op_name(source) == "relax.dequantize" and is_activation(source):
            same = [number(n) for n in source.args[1:]] == [number(scale), number(zero)]
            return source.args[0] if same and dtype_of(source.args[0]) == str(kind) else None
        if op_name(source) != "relax.concat" or not isinstance(source.args[0], relax.Tuple):
            return None
        parts = []
        for field in source.args[0].fields:
            part = relax.op.quantize(field, scale, zero, 0, kind)
            rewritten = self._quantize(builder, part)
            parts.append(emit(builder, part if rewritten is None else rewritten))
        return relax.op.concat(parts, source.attrs.axis)

    def _dequantize(self, builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr | None:
        """Read the unsigned form of what products will read in it."""
        x, scale, zero = call.args
        if dtype_of(x) != "int8" or op_name(lookup(builder, x)) != "relax.quantize":
            return None
        if number(scale) is None or number(zero) is None:
            return None
        data, step, shifted = unsigned(builder, call)
        numbers = relax.const(step, "float32"), relax.const(shifted, "uint8")
        return relax.op.dequantize(data, *numbers, 0, "float32")
