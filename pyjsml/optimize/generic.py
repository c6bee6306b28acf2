"""Calls of kernels that are generic in their dims, so that one kernel serves every shape.

What runs once, when weights are loaded, is compiled this way: its speed hardly matters, and a
kernel per weight shape would be most of a bundle's code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import relax, te, tirx

from pyjsml.optimize.rewrite import dtype_of, shape_of


def call_generic(
    builder: relax.BlockBuilder,
    function: Callable[..., te.Tensor],
    arguments: Sequence[relax.Expr],
    dims: Sequence[Sequence[str]],
    **attributes: Any,
) -> relax.Call:
    """Call `function`, a TE definition, on tensors of static shape, compiled for any shape.

    `dims` names the dims of each argument; equal names mean equal sizes.
    """
    static = [te.placeholder(list(shape_of(arg)), dtype_of(arg)) for arg in arguments]
    result = function(*static, **attributes)
    names = sorted({name for shape in dims for name in shape})
    variables = {name: tirx.Var(name, "int64") for name in names}
    symbolic = [
        te.placeholder([variables[name] for name in shape], dtype_of(arg), name=f"arg{index}")
        for index, (arg, shape) in enumerate(zip(arguments, dims, strict=True))
    ]
    kernel = te.create_prim_func([*symbolic, function(*symbolic, **attributes)])
    kernel = kernel.without_attr("global_symbol").with_attr("tirx.noalias", True)
    callee = builder.add_func(kernel, function.__name__)
    return relax.call_tir(
        callee, list(arguments), out_ty=relax.TensorType(list(result.shape), result.dtype)
    )
