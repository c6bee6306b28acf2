"""Weights as parameters: what an importer left inline becomes a parameter, what is unused goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tvm import relax
from tvm.ir import GenericConst
from tvm.relax.expr_functor import PyExprMutator, PyExprVisitor, mutator, visitor

if TYPE_CHECKING:
    from pyjsml.frontend.names import Names
    from pyjsml.program import Array

INLINE_ELEMENTS = 16
"""Constants of at most so many elements stay in the code, unless they are weights of the model."""


class Weights:
    """The model's weights: numpy arrays by name, and the Relax expression that stands for each."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}
        self._by_expr: dict[Any, str] = {}

    def add(self, name: str, array: Array, expr: Any) -> None:
        """Record that `expr`, a Relax variable or constant, is the weight `name`."""
        self._arrays[name] = array
        self._by_expr[hash(expr)] = name

    def name_of(self, expr: Any) -> str | None:
        """Return the name of the weight that `expr` stands for, if it is one."""
        return self._by_expr.get(hash(expr))

    def array(self, name: str) -> Array:
        """Return the weight `name`."""
        return self._arrays[name]

    def unique(self, name: str) -> str:
        """Return `name`, with a number behind it if a weight has that name."""
        candidate, count = name, 0
        while candidate in self._arrays:
            count += 1
            candidate = f"{name}_{count}"
        return candidate


def parameterise(
    module: Any, inputs: int, weights: Weights, names: Names, renamed: Mapping[str, str]
) -> tuple[Any, dict[str, Array]]:
    """Give `main` one parameter per weight that it uses, behind its `inputs` inputs.

    Returns the new module and the arrays in the order of those parameters. A constant that is no
    weight of the model, but too large to stay inline, is named after the binding that uses it.
    `renamed` gives new names of bindings.
    """
    module = relax.transform.DeadCodeElimination(["main"])(module)
    function = module["main"]
    uses = _Uses()
    uses.visit_expr(function.body)
    replacements: dict[int, Any] = {}
    parameters: list[Any] = []
    arrays: dict[str, Array] = {}
    for binding, expr in uses.found:
        key = hash(expr)
        if key in replacements:
            continue
        name = weights.name_of(expr)
        if isinstance(expr, GenericConst):
            array = expr.value.numpy()
            if name is None:
                if array.size <= INLINE_ELEMENTS:
                    continue
                name = weights.unique(f"{renamed.get(binding, binding)}.constant")
                weights.add(name, array, expr)
            parameter = relax.Var(names.fresh(name), expr.ty)
        elif name is not None:
            parameter = expr
        else:
            continue
        replacements[key] = parameter
        parameters.append(parameter)
        arrays[name] = weights.array(name)
    body = _Replace(replacements, renamed).visit_expr(function.body)
    rewritten = relax.Function(
        [*function.params[:inputs], *parameters],
        body,
        function.ret_ty,
        is_pure=function.is_pure,
        attrs=function.attrs,
    )
    module["main"] = rewritten.with_attr("num_input", inputs)
    return module, arrays


@visitor
class _Uses(PyExprVisitor):  # type: ignore[misc]
    """The variables and constants of a function, in order of use, each with its binding."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Any]] = []
        self._binding = "output"

    def visit_var_binding_(self, binding: Any) -> None:
        self._binding = binding.var.name
        self.visit_expr(binding.value)

    def visit_var_(self, op: Any) -> None:
        self.found.append((self._binding, op))

    def visit_generic_const_(self, op: Any) -> None:
        self.found.append((self._binding, op))


@mutator
class _Replace(PyExprMutator):  # type: ignore[misc]
    """Puts parameters where constants were, and gives bindings their final names."""

    def __init__(self, replacements: Mapping[int, Any], renamed: Mapping[str, str]) -> None:
        super().__init__()
        self._replacements = replacements
        self._renamed = renamed

    def visit_dataflow_var_def_(self, var: Any) -> Any:
        if var.name not in self._renamed:
            return var
        variable = relax.DataflowVar(self._renamed[var.name], var.ty)
        self.set_var_remap(var, variable)
        return variable

    def visit_generic_const_(self, op: Any) -> Any:
        return self._replacements.get(hash(op), op)
