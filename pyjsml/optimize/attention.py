"""Make one kernel of attention: of softmax(q · kᵀ · scale + mask) · v, as any front end writes it.

The kernel reads queries and values where a projection left them, and writes what the next one
reads: the transposes between [batch, positions, heads] and [batch, heads, positions] fall away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import tvm
from tvm import relax

from pyjsml.kernels.ops.attention import Attention, Heads, attention, pack_keys, pack_mask
from pyjsml.optimize.rewrite import (
    dtype_of,
    emit,
    op_name,
    rebuild,
    same_shape,
    shape_of,
    use_counts,
)
from pyjsml.optimize.simplify import lookup, reshape
from pyjsml.optimize.strided import View, box, permuted, view_of

ORDERS = ((0, 2, 1, 3), (0, 1, 2, 3))
"""How batch, heads, positions and columns may lie: by position, as projections do, or by head."""

EMPTY_ROWS = ("logical_not", "astype", "max", "astype", "logical_not", "equal")
"""How torch asks which rows of scores are all -inf, from the answer to the question."""


@dataclass(frozen=True)
class Match:
    """The parts of an attention: the transposed keys are [batch, heads, columns, positions].

    Scores are multiplied by the number `scale` and by each of the tensors `scales`.
    """

    queries: relax.Expr
    transposed_keys: relax.Expr
    scale: float = 1.0
    scales: tuple[relax.Expr, ...] = ()
    mask: relax.Expr | None = None
    safe: bool = False


@dataclass(frozen=True)
class Operand:
    """A tensor of rank 4, and where it holds queries, keys or values."""

    tensor: relax.Expr
    heads: Heads


def fuse_attention(module: tvm.IRModule) -> tvm.IRModule:
    """Return `module` with each attention as calls of kernels: one packs its keys, one runs it."""
    uses = {var.name: count for var, count in use_counts(module).items()}

    def transform(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        if op_name(value) != "relax.matmul" or len(shape_of(var)) != 4:
            return value
        match = _match(builder, value.args[0], uses)
        if match is None or not _alike(match, value.args[1]):
            return value
        mixed = builder.emit(_attend(builder, match, value.args[1]), name_hint=var.name)
        return relax.op.permute_dims(mixed, [0, 2, 1, 3])

    return relax.transform.DeadCodeElimination(["main"])(rebuild(module, transform))


def _match(builder: relax.BlockBuilder, weights: Any, uses: dict[str, int]) -> Match | None:
    value = lookup(builder, weights)
    safe = op_name(value) == "relax.where"
    if safe:
        where, weights = value, value.args[2]
        value = lookup(builder, weights)
        if not _is_softmax(value, weights) or not _clears_empty_rows(builder, where, value):
            return None
    # Whoever else reads the weights needs them in memory.
    if not _is_softmax(value, weights) or uses.get(weights.name, 0) > 1 + safe:
        return None
    scores, mask = value.args[0], None
    added = lookup(builder, scores)
    if op_name(added) == "relax.add":
        scores, mask = _first_of_shape(added.args, shape_of(weights))
    product, scale, scales = _without_factors(builder, scores)
    value = lookup(builder, product)
    if op_name(value) != "relax.matmul":
        return None
    match = Match(value.args[0], value.args[1], scale, scales, mask, safe)
    queries, scale, scales = _without_factors(builder, match.queries)
    match = replace(match, queries=queries, scale=match.scale * scale, scales=match.scales + scales)
    keys, scale, scales = _without_factors(builder, match.transposed_keys)
    return replace(
        match, transposed_keys=keys, scale=match.scale * scale, scales=match.scales + scales
    )


def _is_softmax(value: Any, weights: relax.Expr) -> bool:
    rank = len(shape_of(weights))
    return op_name(value) == "relax.nn.softmax" and int(value.attrs.axis) % rank == rank - 1


def _clears_empty_rows(builder: relax.BlockBuilder, where: Any, softmax: Any) -> bool:
    """Tell whether `where` gives zeros for the rows whose scores are all -inf."""
    asked, zeros, _ = where.args
    filled = lookup(builder, zeros)
    value = None
    for name in EMPTY_ROWS:
        value = lookup(builder, asked)
        if op_name(value) != f"relax.{name}":
            return False
        asked = value.args[0]
    assert value is not None
    empty = _number(value.args[1]) == -math.inf and asked.same_as(softmax.args[0])
    return empty and op_name(filled) == "relax.full_like" and _number(filled.args[1]) == 0


def _first_of_shape(
    operands: tuple[relax.Expr, relax.Expr], shape: tuple[tvm.ir.Expr, ...]
) -> tuple[relax.Expr, relax.Expr]:
    """Return the operand that has the shape of the result, and the other one."""
    left, right = operands
    whole = not isinstance(left, tvm.ir.GenericConst) and same_shape(shape_of(left), shape)
    return (left, right) if whole else (right, left)


def _without_factors(
    builder: relax.BlockBuilder, expr: Any
) -> tuple[relax.Expr, float, tuple[relax.Expr, ...]]:
    """Return what `expr` is the product of: a tensor, a number and tensors of one element."""
    scale = 1.0
    scales: tuple[relax.Expr, ...] = ()
    while op_name(value := lookup(builder, expr)) in ("relax.multiply", "relax.divide"):
        rest, factor = _first_of_shape(value.args, shape_of(expr))
        number = _number(factor)
        divides = op_name(value) == "relax.divide"
        if divides and (number is None or not rest.same_as(value.args[0])):
            break
        if number is not None:
            scale = scale / number if divides else scale * number
        elif all(_number(size) == 1 for size in shape_of(factor)):
            scales = (*scales, factor)
        else:
            break
        expr = rest
    return expr, scale, scales


def _number(expr: Any) -> float | None:
    """Return the value of a constant of one element, or of a dim; None for anything else."""
    if isinstance(expr, tvm.tirx.IntImm):
        return float(int(expr))
    if isinstance(expr, tvm.ir.GenericConst) and expr.value.numpy().size == 1:
        return float(expr.value.numpy().item())
    return None


def _alike(match: Match, values: relax.Expr) -> bool:
    """Tell whether queries, keys and values are of as many batches and heads, and of float32."""
    tensors = [match.queries, match.transposed_keys, values]
    if match.mask is not None:
        if not shape_of(match.mask):  # one number for all scores
            return False
        tensors.append(match.mask)
    if any(dtype_of(tensor) != "float32" or len(shape_of(tensor)) > 4 for tensor in tensors):
        return False
    leading = [shape_of(tensor)[:2] for tensor in tensors[:3] if len(shape_of(tensor)) == 4]
    return len(leading) == 3 and all(same_shape(leading[0], other) for other in leading)


def _attend(builder: relax.BlockBuilder, match: Match, values: relax.Expr) -> relax.Call:
    queries = _operand(builder, view_of(builder, match.queries), match.queries, (0, 1, 2, 3))
    view = permuted(view_of(builder, match.transposed_keys), (0, 1, 3, 2))
    keys = _operand(builder, view, match.transposed_keys, (0, 1, 3, 2))
    held = _operand(builder, view_of(builder, values), values, (0, 1, 2, 3))
    # For one query the keys are read once: to pack them first would be to read them twice.
    packed = _number(shape_of(match.queries)[2]) != 1
    others = []
    if match.scales:
        scale, *rest = match.scales
        for factor in rest:
            scale = builder.emit(relax.op.multiply(scale, factor))
        others.append(scale)
    tensor = keys.tensor
    if packed:
        pack = partial(pack_keys, keys.heads)
        tensor = builder.emit(builder.call_te(pack, tensor, primfunc_name_hint="pack_keys"))
    if match.mask is not None:
        whole = packed and _number(shape_of(match.mask)[-1]) != 1
        others.append(builder.emit(builder.call_te(pack_mask, match.mask)) if whole else match.mask)
    attrs = Attention(
        queries=queries.heads,
        keys=keys.heads,
        values=held.heads,
        scale=match.scale,
        scaled=bool(match.scales),
        mask=match.mask is not None,
        safe=match.safe,
        packed=packed,
    )
    return builder.call_te(
        partial(attention, attrs),
        *(queries.tensor, tensor, held.tensor, *others),
        primfunc_name_hint="attention",
    )


def _operand(
    builder: relax.BlockBuilder, view: View, expr: relax.Expr, order: tuple[int, ...]
) -> Operand:
    """Return a view of [batch, heads, positions, columns] as a box of a tensor.

    A view that is none is computed: `expr` holds it, its axes in the given order.
    """
    shape = [shape_of(expr)[axis] for axis in order]
    lengths: list[int | None] = [
        int(size) if isinstance(size, tvm.tirx.IntImm) else None for size in shape
    ]
    for lie in ORDERS:
        found = box(view, lie)
        if found is None:
            continue
        extents, starts = found
        whole = all(
            length is not None or same_shape((extents[lie.index(axis)],), (shape[axis],))
            for axis, length in enumerate(lengths)
        )
        if whole:
            places = tuple(starts[lie.index(axis)] for axis in range(4))
            tensor = emit(builder, reshape(builder, view.base, extents))
            return Operand(tensor, Heads(tuple(map(lie.index, range(4))), places, tuple(lengths)))
    return Operand(expr, Heads(order, (0, 0, 0, 0), tuple(lengths)))
