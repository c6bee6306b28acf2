"""A Relax block builder that remembers which node of the user's model each binding comes from."""

from __future__ import annotations

from typing import Any

from tvm import relax
from tvm.ir import is_prim_expr

from pyjsml.frontend.names import Names
from pyjsml.program import Origin


class NodeBuilder(relax.BlockBuilder):  # type: ignore[misc]
    """Names every binding after the node being converted, and records the node's own result.

    TVM's converters emit some bindings and leave others nested inside the expression that they
    return; nested calls are bound here too, so that each has its node's name.
    """

    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.origins: dict[str, Origin] = {}
        self.base = ""

    def _exit_function_scope(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is not None:
            # Or TVM complains on stderr about the open block, beside the error that the user gets.
            self._end_block()
        super()._exit_function_scope(exc_type, exc_val, exc_tb)

    def emit(self, expr: Any, name_hint: str = "") -> Any:
        """Bind `expr` to a variable named after the current node."""
        expr = self._flatten(self._normalize_python_tuple(expr))
        return super().emit(expr, self.names.fresh(self.base or name_hint or "value"))

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
        if origin and isinstance(expr, relax.Var) and isinstance(expr.ty, relax.TensorType):
            self.origins.setdefault(expr.name, origin)
        return expr

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
            expr = self._flatten(expr)
            return super().emit(expr, self.names.fresh(f"{self.base}_{_operator(expr)}"))
        return expr


def _operator(call: Any) -> str:
    return str(getattr(call.op, "name", "call")).rpartition(".")[2]


def _is_null(call: Any) -> bool:
    return getattr(call.op, "name", "") == "relax.null_value"
