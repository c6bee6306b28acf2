"""Rebuild a module's `main`, binding by binding, with every variable keeping its name.

Names carry the origins of the user's model from pass to pass, which is why the passes here are
written on this rather than on TVM's mutators: those give new variables new names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tvm
import tvm.sym
from tvm import relax

Transform = Callable[[relax.BlockBuilder, relax.Var, relax.Expr], relax.Expr]


def bindings(module: tvm.IRModule) -> Iterator[relax.VarBinding]:
    """Yield the bindings of `main` in order."""
    for block in module["main"].body.blocks:
        yield from block.bindings


def rebuild(module: tvm.IRModule, transform: Transform) -> tvm.IRModule:
    """Return `module` with each binding of `main` as `transform` rewrites it.

    `transform(builder, var, value)` sees `value` over the new variables, and `var` as it was. What
    it returns is bound to a variable of the old name, unless it needs no binding.
    """
    main = module["main"]
    builder = relax.BlockBuilder(without_main(module))
    known: dict[relax.Var, relax.Expr] = {}
    with builder.function("main", params=list(main.params), attrs=dict(main.attrs or {})):
        # No dataflow block: its outputs would be variables of their own, with names of their own.
        for binding in bindings(module):
            value = transform(builder, binding.var, substitute(binding.value, known))
            known[binding.var] = emit(builder, value, binding.var.name)
        builder.emit_func_output(substitute(main.body.body, known))
    return builder.finalize()


def emit(builder: relax.BlockBuilder, value: relax.Expr, name: str = "") -> relax.Expr:
    """Bind `value` to a variable called `name`, unless there is nothing to bind."""
    if isinstance(value, relax.Var | tvm.ir.GenericConst):
        return value
    return builder.emit(value, name_hint=name)


def substitute(expr: relax.Expr, known: dict[relax.Var, relax.Expr]) -> relax.Expr:
    """Return `expr` with every variable of `known` replaced; `expr` is in A-normal form."""
    if isinstance(expr, relax.Var):
        return known.get(expr, expr)
    if isinstance(expr, relax.Tuple):
        return relax.Tuple([substitute(field, known) for field in expr.fields])
    if isinstance(expr, relax.TupleGetItem):
        return relax.TupleGetItem(substitute(expr.tuple_value, known), expr.index)
    if isinstance(expr, relax.Call):
        arguments = [substitute(argument, known) for argument in expr.args]
        return relax.Call(expr.op, arguments, expr.attrs, expr.ty_args)
    return expr


def without_main(module: tvm.IRModule) -> tvm.IRModule:
    """Return the functions that `main` calls."""
    return tvm.IRModule({var: f for var, f in module.functions.items() if var.name_hint != "main"})


def op_name(expr: relax.Expr) -> str:
    """Return `relax.add` for a call of that operator, and the empty string for anything else."""
    if isinstance(expr, relax.Call) and isinstance(expr.op, tvm.ir.Op):
        return str(expr.op.name)
    return ""


def operands(value: relax.Expr) -> list[relax.Var]:
    """Return the tensors (or tuples) that `value` reads, in order, each as often as it does."""
    return [var for var in _variables(value) if not isinstance(var.ty, tvm.ir.PrimType)]


def tensor_fields(call: relax.Call) -> list[relax.Expr]:
    """Return the tensors that a `call_tir` is given, without the dims among its arguments."""
    return [field for field in call.args[1].fields if not tvm.ir.is_prim_expr(field)]


def _variables(value: relax.Expr) -> list[relax.Var]:
    found: list[relax.Var] = []

    def visit(expr: relax.Expr) -> None:
        if isinstance(expr, relax.Var):
            found.append(expr)

    relax.analysis.post_order_visit(value, visit)
    return found


def use_counts(module: tvm.IRModule) -> dict[relax.Var, int]:
    """Count how often `main` reads each variable; being a result counts as a read."""
    counts: dict[relax.Var, int] = {}
    values = [binding.value for binding in bindings(module)]
    for value in [*values, module["main"].body.body]:
        for var in operands(value):
            counts[var] = counts.get(var, 0) + 1
    return counts


def constant_vars(module: tvm.IRModule) -> set[relax.Var]:
    """Return the variables of `main` that depend on weights alone, the weights among them."""
    main = module["main"]
    constant = set(main.params[int(main.attrs["num_input"]) :])
    for binding in bindings(module):
        if all(var in constant for var in _variables(binding.value)):
            constant.add(binding.var)
    return constant


def shape_of(expr: relax.Expr) -> tuple[tvm.ir.Expr, ...]:
    """Return the dims of a tensor; each is a TIR expression."""
    return tuple(expr.ty.shape)


def dtype_of(expr: relax.Expr) -> str:
    """Return the element type of a tensor, by numpy's name."""
    return str(expr.ty.dtype)


def same_shape(left: tuple[tvm.ir.Expr, ...], right: tuple[tvm.ir.PrimExpr, ...]) -> bool:
    """Say whether two shapes are provably equal."""
    analyzer = tvm.sym.Analyzer()
    return len(left) == len(right) and all(
        analyzer.can_prove_equal(a, b) for a, b in zip(left, right, strict=True)
    )
