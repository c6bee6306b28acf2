"""Shapes over the model's named dims, from shapes over TIR's variables."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import relax

from pyjsml.dims import Expr, Shape
from pyjsml.kernels.tir.dims import named_dims
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.kernels.tir.signature import symbolic_dims
from pyjsml.program import Program


class Dims(dict[tvm.tirx.Var, Expr]):
    """What every symbolic variable of `main` is, over the model's dims."""

    def __init__(self, program: Program) -> None:
        super().__init__(named_dims(program.module["main"], program.signature))
        self._flat = program.flat_dims

    def __missing__(self, variable: tvm.tirx.Var) -> Expr:
        return self._flat[variable.name]


def tensor_shape(tensor: relax.TensorType, dims: Mapping[tvm.tirx.Var, Expr]) -> Shape | None:
    """Return a tensor's shape, or None if it depends on the data."""
    if tensor.shape is None:
        return None
    try:
        return tuple(to_expr(size, dims) for size in tensor.shape)
    except KeyError:
        return None


def kernel_dims(
    function: tvm.tirx.PrimFunc, shapes: list[Shape], scalars: list[Expr]
) -> tuple[Expr, ...]:
    """Return a kernel's trailing arguments: what a call's shapes and scalars make of its dims."""
    bound: dict[tvm.tirx.Var, Expr] = {}
    buffers = [param for param in function.params if tvm.tirx.is_buffer_var(param)]
    for buffer, shape in zip(buffers, shapes, strict=True):
        for size, expr in zip(buffer.shape, shape, strict=True):
            if isinstance(size, tvm.tirx.Var):
                bound.setdefault(size, expr)
    plain = [param for param in function.params if not tvm.tirx.is_buffer_var(param)]
    bound.update(zip(plain, scalars, strict=True))
    return tuple(bound[dim] for dim in symbolic_dims(function))
