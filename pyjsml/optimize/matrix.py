"""Lower matrix products to kernels: with a packed weight, or of two activations."""

from __future__ import annotations

import tvm
from tvm import relax

from pyjsml.kernels.ops import matmul
from pyjsml.kernels.tir.dims import FlatDims
from pyjsml.optimize.generic import call_generic
from pyjsml.optimize.quantize.lower import matmul_int8
from pyjsml.optimize.rewrite import (
    bindings,
    constant_vars,
    dtype_of,
    emit,
    op_name,
    rebuild,
    shape_of,
    use_counts,
)
from pyjsml.optimize.simplify import lookup, reshape


def lower_matmul(module: tvm.IRModule, flat: FlatDims) -> tvm.IRModule:
    """Return `module` with each `matmul` as a kernel; products with a weight become 2-D.

    A kernel's result takes the name of the node, in whatever shape it is computed.
    """
    weights = constant_vars(module)
    uses = {var.name: count for var, count in use_counts(module).items()}
    with_weight = {
        binding.var
        for binding in bindings(module)
        if op_name(binding.value) == "relax.matmul"
        and binding.value.args[1] in weights
        and len(shape_of(binding.value.args[1])) == 2
    }

    def transform(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        if op_name(value) != "relax.matmul":
            return value
        a, b = value.args
        if var in with_weight:
            call = _with_weight(builder, a, b, flat, uses)
        else:
            call = _of_activations(builder, a, b)
        product = builder.emit(call, name_hint=var.name)
        return reshape(builder, product, list(shape_of(var)))

    return relax.transform.DeadCodeElimination(["main"])(rebuild(module, transform))


def _with_weight(
    builder: relax.BlockBuilder,
    a: relax.Expr,
    b: relax.Expr,
    flat: FlatDims,
    uses: dict[str, int],
) -> relax.Expr:
    depth, columns = shape_of(b)
    rows = flat.flatten(list(shape_of(a)[:-1]))
    matrix = emit(builder, reshape(builder, a, [rows, depth]))
    if dtype_of(a) == "uint8":
        return matmul_int8(builder, matrix, b)
    source = lookup(builder, b)
    if op_name(source) == "relax.permute_dims":
        pack, weight, dims = matmul.pack_matmul_transposed, source.args[0], ("n", "k")
        single = isinstance(rows, tvm.tirx.IntImm) and int(rows) == 1
        if single and isinstance(weight, relax.Var) and uses.get(weight.name, 0) > 1:
            # Others want the weight as it is, such as an embedding that is also the last layer.
            return builder.call_te(matmul.vector_matmul, matrix, weight)
    else:
        pack, weight, dims = matmul.pack_matmul, b, ("k", "n")
    packed = builder.emit(call_generic(builder, pack, [weight], [dims]))
    return builder.call_te(matmul.matmul, matrix, packed, int(columns), primfunc_name_hint="matmul")


def _of_activations(builder: relax.BlockBuilder, a: relax.Expr, b: relax.Expr) -> relax.Expr:
    if len(shape_of(a)) == 1:
        a = emit(builder, reshape(builder, a, [1, *shape_of(a)]))
    if len(shape_of(b)) == 1:
        b = emit(builder, reshape(builder, b, [*shape_of(b), 1]))
    return builder.call_te(matmul.batch_matmul, a, b, primfunc_name_hint="batch_matmul")
