"""PrimFuncs to test kernels with: of our own definitions, and of Relax operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tvm
from tvm import relax, te, tirx

Size = int | str


class Dims(dict[str, Any]):
    """Symbolic dims by name, made when they are first asked for."""

    def __missing__(self, name: str) -> Any:
        self[name] = tirx.Var(name, "int64")
        return self[name]


def sizes(shape: Sequence[Size], dims: Dims) -> list[Any]:
    """Return a shape of numbers and names as TVM takes it."""
    return [dims[size] if isinstance(size, str) else tirx.const(size, "int64") for size in shape]


def from_te(define: Callable[..., Any], *shapes: Sequence[Size], dtype: str = "float32") -> Any:
    """Return the PrimFunc of a tensor expression over inputs of the given shapes."""
    dims = Dims()
    inputs = [
        te.placeholder(sizes(shape, dims), dtype, name=f"input{number}")
        for number, shape in enumerate(shapes)
    ]
    return te.create_prim_func([*inputs, define(*inputs)])


def from_relax(
    define: Callable[..., relax.Expr], *specs: tuple[Sequence[Size], str]
) -> tirx.PrimFunc:
    """Return the one PrimFunc that operators over inputs of the given specs are fused into."""
    dims = Dims()
    builder = relax.BlockBuilder()
    inputs = [
        relax.Var(f"input{number}", relax.TensorType(sizes(shape, dims), dtype))
        for number, (shape, dtype) in enumerate(specs)
    ]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(builder.normalize(define(*inputs)))
        builder.emit_func_output(result)
    passes = [
        relax.transform.LegalizeOps(),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
    ]
    module = tvm.transform.Sequential(passes)(builder.get())
    (function,) = [f for f in module.functions.values() if isinstance(f, tirx.PrimFunc)]
    return function
