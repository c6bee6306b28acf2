"""A Relax block builder that remembers which node of the user's model each binding comes from."""

from __future__ import annotations

from typing import Any

from tvm import ir, relax, sym
from tvm.ir import is_prim_expr

from pyjsml.frontend.names import Names
from pyjsml.program import Origin

MAX_DIM = 2**31
"""No dim is as large: addresses have 32 bits."""


class NodeBuilder(relax.BlockBuilder):  # type: ignore[misc]
    """Names every binding after the node being converted, and records the node's own result.

    TVM's converters emit some bindings and leave others nested inside the expression that they
    return; nested calls are bound here too, so that each has its node's name.
    """

    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.origins: dict[str, Origin] = {}
        self.renamed: dict[str, str] = {}
        self.base = ""
        self._analyzer = sym.Analyzer()

    def bound(self, variable: Any, least: int, most: int | None) -> None:
        """Make known that the dim `variable` is at least `least`, and at most `most` if given."""
        self._analyzer.bind(variable, ir.Range(least, MAX_DIM if most is None else most + 1))

    def simplify(self, size: Any) -> Any:
        """Return an integer expression simplified by what is known of the dims."""
        return self._analyzer.simplify(size)

    def proves(self, condition: Any) -> bool:
        """Tell whether a condition on dims, or on ints, holds whatever the dims are."""
        return condition if isinstance(condition, bool) else self._analyzer.can_prove(condition)

    def _exit_function_scope(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is not None:
            # Or TVM complains on stderr about the open block, beside the error that the user gets.
            self._end_block()
        super()._exit_function_scope(exc_type, exc_val, exc_tb)

    def emit(self, expr: Any, name_hint: str = "") -> Any:
        """Bind `expr` to a variable named after the current node and its operator."""
        expr = self._flatten(self._normalize_python_tuple(expr))
        return super().emit(expr, self.names.fresh(f"{self.base}_{_operator(expr)}"))

    def normalize(self, expr: Any) -> Any:
        """Give `expr` its type, with the calls nested in it bound."""
        return super().normalize(self._flatten(expr))

    def result(self, expr: Any, origin: Origin | None) -> Any:
        """Return the variable that holds `expr`, the value of the node `origin`.

        What is no run-time tensor (a constant, a shape, a tuple) is returned as it is. A variable
        that already has an origin keeps it: the node only renames another node's value. Without an
        origin the variable is only a part of a node's value.
        """
        if isinstance(expr, relax.Call | relax.TupleGetItem):
            expr = self.emit(expr)
        if not isinstance(expr, relax.Var) or not isinstance(expr.ty, relax.TensorType):
            return expr
        if origin and expr.name not in self.origins:
            self.origins[expr.name] = origin
            self.renamed[expr.name] = origin.node
        return expr

    def name_results(self) -> dict[str, str]:
        """Return the final name of each variable that is a node's result: the node's own.

        Only known behind the last binding of a node, so that `parameterise` has to apply it.
        """
        return {name: self.names.fresh(base) for name, base in self.renamed.items()}

    def _flatten(self, expr: Any) -> Any:
        if isinstance(expr, relax.Tuple):
            return relax.Tuple([self._argument(field) for field in expr.fields])
        if not isinstance(expr, relax.Call):
            return expr
        arguments = [self._argument(argument) for argument in expr.args]
        if all(new.same_as(old) for new, old in zip(arguments, expr.args, strict=True)):
            return expr
        return relax.Call(expr.op, arguments, expr.attrs, expr.ty_args, expr.span)

    def _argument(self, expr: Any) -> Any:
        if isinstance(expr, relax.Tuple):
            return self._flatten(expr)
        # A null_value stands for an argument that is left out; binding it would hide that.
        if isinstance(expr, relax.Call) and not is_prim_expr(expr) and not _is_null(expr):
            return self.emit(expr)
        return expr


def _operator(expr: Any) -> str:
    """Return the last part of an operator's name, or the name of the function that is called."""
    if not isinstance(expr, relax.Call):
        return "value"
    called = expr.args[0] if expr.op.name == "relax.call_tir" else expr.op
    return str(getattr(called, "name_hint", getattr(called, "name", "call"))).rpartition(".")[2]


def _is_null(call: Any) -> bool:
    return getattr(call.op, "name", "") == "relax.null_value"
