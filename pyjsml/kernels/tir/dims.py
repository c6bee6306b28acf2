"""The model's named dims as TIR variables."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import relax, tirx

from pyjsml.dims import Expr, product
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.program import Signature


def named_dims(main: relax.Function, signature: Signature) -> dict[tirx.Var, Expr]:
    """Return what the signature calls each symbolic dim of the inputs of `main`."""
    named: dict[tirx.Var, Expr] = {}
    for param, spec in zip(main.params, signature.inputs, strict=False):
        for size, name in zip(param.ty.shape, spec.shape, strict=True):
            if isinstance(size, tirx.Var):
                named.setdefault(size, name)
    return named


class FlatDims:
    """Single variables for products of dims, such as the pixels of a batch of pictures.

    A kernel takes a variable as an argument, while a product would have to be taken apart again.
    """

    def __init__(self, named: Mapping[tirx.Var, Expr]) -> None:
        self._named = named
        self._variables: dict[Expr, tirx.Var] = {}

    @property
    def sizes(self) -> dict[str, Expr]:
        """What each variable stands for, by its name."""
        return {variable.name: expr for expr, variable in self._variables.items()}

    def flatten(self, sizes: list[tvm.ir.Expr]) -> tvm.ir.Expr:
        """Return the product of `sizes`: a constant or a variable."""
        own = {variable: expr for expr, variable in self._variables.items()}
        expr = product([to_expr(size, {**self._named, **own}) for size in sizes])
        if isinstance(expr, int):
            return tirx.IntImm("int64", expr)
        for variable, name in {**self._named, **own}.items():
            if name == expr:
                return variable
        return self._variables.setdefault(expr, tirx.Var(f"flat_{len(self._variables)}", "int64"))
