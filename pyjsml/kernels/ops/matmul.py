"""Matrix products: with a packed weight, and of two activations."""

from __future__ import annotations

from tvm import ir, te, tirx

from pyjsml.kernels.ops.layout import PANEL, extent, pack


def pack_matmul(weight: te.Tensor) -> te.Tensor:
    """Pack [K, N] as [ceil(N / PANEL), K, PANEL] for `matmul`."""
    depth, columns = weight.shape
    return pack(weight, columns, [depth], lambda n, k: (k, n), name="pack_matmul")


def pack_matmul_transposed(weight: te.Tensor) -> te.Tensor:
    """Pack [N, K] as [ceil(N / PANEL), K, PANEL] for `matmul`."""
    columns, depth = weight.shape
    return pack(weight, columns, [depth], lambda n, k: (n, k), name="pack_matmul_transposed")


def matmul(a: te.Tensor, weight: te.Tensor, n: int | ir.Expr) -> te.Tensor:
    """Multiply `a` [..., M, K] by a weight of `n` columns, packed; return [..., M, n]."""
    *rows, depth = a.shape
    k = te.reduce_axis((0, depth), "k")

    def element(*indices: tirx.Var) -> ir.Expr:
        *row, column = indices
        return te.sum(
            a(*row, k) * weight[tirx.floordiv(column, PANEL), k, tirx.floormod(column, PANEL)],
            axis=k,
        )

    return te.compute((*rows, extent(n)), element, name="matmul")


def vector_matmul(a: te.Tensor, weight: te.Tensor) -> te.Tensor:
    """Multiply `a` [1, K] by a weight [N, K] as it is; return [1, N].

    Each of the weight's rows is read once, from its start to its end: for a single vector that is
    as fast as a packed weight, which would take its memory a second time.
    """
    k = te.reduce_axis((0, a.shape[-1]), "k")
    return te.compute(
        (a.shape[0], weight.shape[0]),
        lambda row, column: te.sum(a(row, k) * weight(column, k), axis=k),
        name="vector_matmul",
    )


def batch_matmul(a: te.Tensor, b: te.Tensor) -> te.Tensor:
    """Multiply `a` [..., M, K] by `b` [..., K, N], as numpy does; return [..., M, N].

    Leading dims broadcast; both operands have at least two dims.
    """
    a_batch, b_batch = list(a.shape[:-2]), list(b.shape[:-2])
    rank = max(len(a_batch), len(b_batch))
    batch = broadcast_shape(a_batch, b_batch)
    k = te.reduce_axis((0, a.shape[-1]), "k")

    def element(*indices: tirx.Var) -> ir.Expr:
        *leading, row, column = indices
        return te.sum(
            a(*broadcast_index(leading[rank - len(a_batch) :], a_batch), row, k)
            * b(*broadcast_index(leading[rank - len(b_batch) :], b_batch), k, column),
            axis=k,
        )

    return te.compute((*batch, a.shape[-2], b.shape[-1]), element, name="batch_matmul")


def broadcast_shape(left: list[ir.Expr], right: list[ir.Expr]) -> list[ir.Expr]:
    """Return the shape that `left` and `right` broadcast to; a symbolic dim is taken to be no 1."""
    rank = max(len(left), len(right))
    one = tirx.const(1, "int64")
    pairs = zip([one] * (rank - len(left)) + left, [one] * (rank - len(right)) + right, strict=True)
    return [b if is_one(a) else a for a, b in pairs]


def broadcast_index(index: list[ir.Expr], shape: list[ir.Expr]) -> list[ir.Expr]:
    """Return the indices into a tensor of `shape` that a broadcast index stands for."""
    return [tirx.const(0, "int64") if is_one(s) else i for i, s in zip(index, shape, strict=True)]


def is_one(size: ir.Expr) -> bool:
    """Tell whether `size` is the constant 1."""
    return isinstance(size, tirx.IntImm) and int(size) == 1
