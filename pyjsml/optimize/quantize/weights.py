"""What is known of a model's weights before they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm
from tvm import relax

from pyjsml.optimize.rewrite import dtype_of, op_name, shape_of
from pyjsml.optimize.simplify import lookup


class Weights:
    """The weights of a module's main function; `arrays` has them by name, in the order there."""

    def __init__(self, module: tvm.IRModule, arrays: Mapping[str, Any]) -> None:
        main = module["main"]
        params = main.params[int(main.attrs["num_input"]) :]
        self._arrays = dict(zip(params, arrays.values(), strict=True))

    def is_weight(self, builder: relax.BlockBuilder, dequantize: relax.Call, axis: int) -> bool:
        """Tell whether a factor is constant, int8 around 0, with one scale or some along `axis`."""
        x, scale, zero = dequantize.args
        if not self.is_constant(builder, x):
            return False
        centred = isinstance(zero, tvm.ir.GenericConst) and not zero.value.numpy().any()
        rank = len(shape_of(x))
        along = not shape_of(scale) or int(dequantize.attrs.axis) % rank == axis
        return dtype_of(x) == "int8" and centred and along

    def is_constant(self, builder: relax.BlockBuilder, expr: relax.Expr) -> bool:
        """Tell whether `expr` depends on weights alone."""
        if not isinstance(expr, relax.Var) or expr in self._arrays:
            return isinstance(expr, tvm.ir.GenericConst) or expr in self._arrays
        source = lookup(builder, expr)
        return isinstance(source, relax.Call) and all(
            self.is_constant(builder, argument)
            for argument in source.args
            if isinstance(argument.ty, relax.TensorType)
        )

    def value(self, builder: relax.BlockBuilder, expr: relax.Expr) -> Any:
        """Return what `expr` comes to, if it is a number, a weight or a product of such."""
        if isinstance(expr, tvm.ir.GenericConst):
            return expr.value.numpy()
        if expr in self._arrays:
            return self._arrays[expr]
        source = lookup(builder, expr)
        if op_name(source) != "relax.multiply":
            return None
        left, right = (self.value(builder, side) for side in source.args)
        return None if left is None or right is None else left * right
