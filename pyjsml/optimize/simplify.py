"""Remove what does nothing, and bring equal things to one form for the later passes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tvm
from tvm import relax

from pyjsml.optimize.joins import join_slices
from pyjsml.optimize.rewrite import dtype_of, op_name, rebuild, same_shape, shape_of
from pyjsml.optimize.zeros import keep_nan
from pyjsml.program import Origin

RESHAPES = frozenset(
    {
        "relax.reshape",
        "relax.expand_dims",
        "relax.squeeze",
        "relax.flatten",
        "relax.nn.batch_flatten",
    }
)


def simplify(
    module: tvm.IRModule, origins: Mapping[str, Origin]
) -> tuple[tvm.IRModule, dict[str, Origin]]:
    """Return `module` without casts, reshapes, broadcasts and dropouts that change nothing.

    The second result is `origins`, with those of what was removed passed on to what it equalled.
    """
    known = dict(origins)

    def transform(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        result = _simplify(builder, var, value)
        if isinstance(result, relax.Var) and var.name in known:
            known.setdefault(result.name, known[var.name])
        return result

    module = rebuild(module, transform)
    module = relax.transform.EliminateCommonSubexpr()(module)
    return relax.transform.DeadCodeElimination(["main"])(module), known


def reshape(builder: relax.BlockBuilder, x: relax.Expr, shape: list[tvm.ir.Expr]) -> relax.Expr:
    """Return `x` under another shape: itself if it has it, and never a reshape of a reshape."""
    source = lookup(builder, x)
    if op_name(source) == "relax.reshape":
        x = source.args[0]
    if same_shape(shape_of(x), tuple(shape)):
        return x
    return relax.op.reshape(x, shape)


def mean(
    builder: relax.BlockBuilder, x: relax.Expr, axes: list[int], *, keepdims: bool
) -> relax.Expr:
    """Return a mean as a sum and a division, which fuse, where the count is known."""
    sizes = [shape_of(x)[axis] for axis in axes]
    if not all(isinstance(size, tvm.tirx.IntImm) for size in sizes):
        return relax.op.mean(x, axes, keepdims=keepdims)
    count = relax.const(math.prod(int(size) for size in sizes), dtype_of(x))
    total = builder.emit(relax.op.sum(x, axes, keepdims=keepdims))
    return relax.op.divide(total, count)


def lookup(builder: relax.BlockBuilder, expr: relax.Expr) -> Any:
    """Return the value that the variable `expr` is bound to, if it is one of the function's own."""
    return builder.lookup_binding(expr) if isinstance(expr, relax.Var) else None


def _simplify(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
    if isinstance(value, relax.TupleGetItem):
        return _field(builder, value)
    name = op_name(value)
    if name in RESHAPES:
        return reshape(builder, value.args[0], list(shape_of(var)))
    if name == "relax.permute_dims":
        value = _permutation(builder, value)
        if _only_moves_ones(value, var):
            return reshape(builder, value.args[0], list(shape_of(var)))
        return value
    if name == "relax.astype" and dtype_of(value.args[0]) == dtype_of(var):
        return value.args[0]
    if name == "relax.broadcast_to" and same_shape(shape_of(value.args[0]), shape_of(var)):
        return value.args[0]
    if name == "relax.mean" and value.attrs.axis is not None:
        axes = [int(axis) for axis in value.attrs.axis]
        return mean(builder, value.args[0], axes, keepdims=value.attrs.keepdims)
    if name == "relax.power":
        return _power(value)
    if name in ("relax.multiply", "relax.divide"):
        return keep_nan(builder, value)
    if name == "relax.concat":
        return join_slices(builder, value)
    return value


def _field(builder: relax.BlockBuilder, value: relax.TupleGetItem) -> relax.Expr:
    source = lookup(builder, value.tuple_value)
    if isinstance(source, relax.Tuple):
        return source.fields[value.index]
    name = op_name(source)
    if name == "relax.nn.dropout" and value.index == 0:
        return source.args[0]
    if name == "relax.split":
        return _slice_of_split(source, value.index)
    return value


def _slice_of_split(split: relax.Call, index: int) -> relax.Expr:
    """Write one part of a split as a slice, which can be compiled by itself."""
    x, axis, parts = split.args[0], int(split.attrs.axis), split.attrs.indices_or_sections
    axis %= len(shape_of(x))
    size = shape_of(x)[axis]
    if isinstance(parts, int | tvm.tirx.IntImm):
        length = (size + int(parts) - 1) // int(parts)
        begin, end = index * length, tvm.tirx.min((index + 1) * length, size)
    else:
        edges = [0, *parts, size]
        begin, end = edges[index], edges[index + 1]
    return relax.op.strided_slice(x, [axis], [begin], [end], assume_inbound=True)


def _permutation(builder: relax.BlockBuilder, call: relax.Call) -> relax.Call:
    """Write a permutation of a permutation as one."""
    inner = lookup(builder, call.args[0])
    if op_name(inner) != "relax.permute_dims":
        return call
    before = permutation(inner)
    return relax.op.permute_dims(inner.args[0], [before[axis] for axis in permutation(call)])


def permutation(call: relax.Call) -> list[int]:
    """Return which of its operand's axes each axis of a `permute_dims` is."""
    axes, rank = call.attrs.axes, len(shape_of(call.args[0]))
    return list(range(rank))[::-1] if axes is None else [int(axis) % rank for axis in axes]


def _only_moves_ones(call: relax.Call, var: relax.Var) -> bool:
    order = permutation(call)
    sizes = shape_of(call.args[0])
    kept = [axis for axis in order if not _is_one(sizes[axis])]
    return kept == sorted(kept)


def _is_one(size: tvm.ir.Expr) -> bool:
    return isinstance(size, tvm.tirx.IntImm) and int(size) == 1


def _power(call: relax.Call) -> relax.Expr:
    """Write squares and square roots as such: they are exact, and a power is not."""
    base, exponent = call.args
    if not isinstance(exponent, tvm.ir.GenericConst) or shape_of(exponent):
        return call
    match float(exponent.value.numpy()):
        case 2.0:
            return relax.op.multiply(base, base)
        case 0.5:
            return relax.op.sqrt(base)
        case _:
            return call
