"""Attention: softmax(q · kᵀ · scale + mask) · v for every head, as the stages of one kernel.

Scores live no longer than a block of queries: no tensor of [queries, keys] goes through memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import ir, te, tirx

from pyjsml.kernels.ops.layout import PANEL, panels
from pyjsml.kernels.ops.matmul import broadcast_index
from pyjsml.kernels.ops.softmax import peak, power


@dataclass(frozen=True)
class Heads:
    """Where a tensor of rank 4 holds [batch, heads, positions, columns].

    `order` gives the tensor's axis of each of these four, `start` where along it the values begin,
    and `length` how many there are: None if the tensor's whole axis is meant.
    """

    order: tuple[int, ...]
    start: tuple[int, ...]
    length: tuple[int | None, ...]

    def shape(self, tensor: te.Tensor) -> list[Any]:
        """Return the sizes of batch, heads, positions and columns."""
        sizes = [tensor.shape[axis] for axis in self.order]
        return [
            size if length is None else tirx.const(length, "int64")
            for size, length in zip(sizes, self.length, strict=True)
        ]

    def at(self, tensor: te.Tensor, *point: Any) -> ir.Expr:
        """Return the element of `tensor` at a batch, head, position and column."""
        indices: list[Any] = [None] * 4
        for axis, start, index in zip(self.order, self.start, point, strict=True):
            indices[axis] = index + start if start else index
        return tensor(*indices)


def pack_keys(heads: Heads, keys: te.Tensor) -> te.Tensor:
    """Pack keys as [batch, heads, ceil(positions / PANEL), columns, PANEL], zeros behind the last.

    A panel's columns are a vector of keys each: what a product takes from a packed weight.
    """
    batch, count, positions, columns = heads.shape(keys)

    def element(b: Any, h: Any, panel: Any, d: Any, lane: Any) -> ir.Expr:
        position = panel * PANEL + lane
        inside = heads.at(keys, b, h, position, d)
        return tirx.if_then_else(position < positions, inside, tirx.const(0, keys.dtype))

    width = tirx.const(PANEL, "int64")
    shape = (batch, count, panels(positions), columns, width)
    return te.compute(shape, element, name="pack_keys")


def pack_mask(mask: te.Tensor) -> te.Tensor:
    """Pack a mask [..., keys] as [..., ceil(keys / PANEL), PANEL], zeros behind the last."""
    *leading, positions = mask.shape

    def element(*indices: Any) -> ir.Expr:
        *at, panel, lane = indices
        position = panel * PANEL + lane
        return tirx.if_then_else(
            position < positions, mask(*at, position), tirx.const(0, mask.dtype)
        )

    shape = (*leading, panels(positions), tirx.const(PANEL, "int64"))
    return te.compute(shape, element, name="pack_mask")


@dataclass(frozen=True)
class Attention:
    """What attention reads and how: `scale` multiplies scores, as does a `scale` tensor if given.

    `mask` says that there is a mask, and `panels` that keys and mask are packed. A row whose scores
    are all -inf gives zeros if it is `safe`, and else NaN, as softmax has it.
    """

    queries: Heads
    keys: Heads
    values: Heads
    scale: float
    scaled: bool
    mask: bool
    safe: bool
    packed: bool


def attention(
    attrs: Attention, queries: te.Tensor, keys: te.Tensor, values: te.Tensor, *others: te.Tensor
) -> te.Tensor:
    """Return softmax(q · kᵀ · scale + mask) · v as [batch, queries, heads, columns].

    `others` are the scale, of one element, and the mask, which broadcasts to [batch, heads,
    queries, keys]; each if there is one.
    """
    rest = list(others)
    scale = rest.pop(0) if attrs.scaled else None
    mask = rest.pop(0) if attrs.mask else None
    batch, heads, rows, depth = attrs.queries.shape(queries)
    *_, positions, columns = attrs.values.shape(values)
    along = [panels(positions), tirx.const(PANEL, "int64")] if attrs.packed else [positions]
    minus_infinity = tirx.const(-math.inf, queries.dtype)
    d = te.reduce_axis((0, depth), "d")

    def product(b: Any, n: Any, h: Any, *key: Any) -> ir.Expr:
        if attrs.packed:
            held = keys(b, h, key[0], d, key[1])
        else:
            held = attrs.keys.at(keys, b, h, key[0], d)
        return te.sum(attrs.queries.at(queries, b, h, n, d) * held, axis=d)

    scores = te.compute((batch, rows, heads, *along), product, name="scores")

    def logit(b: Any, n: Any, h: Any, *key: Any) -> ir.Expr:
        value = scores(b, n, h, *key)
        if attrs.scale != 1.0:
            value = value * tirx.const(attrs.scale, queries.dtype)
        if scale is not None:
            value = value * scale(*[tirx.const(0, "int64")] * len(scale.shape))
        if mask is not None:
            value = value + _mask_at(mask, [b, h, n, *key])
        if not attrs.packed or _is_multiple(positions):
            return value
        # No query may look at the zeros behind the last key.
        return tirx.Select(key[0] * PANEL + key[1] < positions, value, minus_infinity)

    logits = te.compute((batch, rows, heads, *along), logit, name="logits")
    folded = [[te.reduce_axis((0, size), "m") for size in along] for _ in range(2)]
    peaks = te.compute(
        (batch, rows, heads),
        lambda b, n, h: peak(logits(b, n, h, *folded[0]), folded[0]),
        name="peak",
    )
    powers = te.compute(
        (batch, rows, heads, *along),
        lambda b, n, h, *key: power(logits(b, n, h, *key) - peaks(b, n, h)),
        name="powers",
    )
    total = te.compute(
        (batch, rows, heads),
        lambda b, n, h: te.sum(powers(b, n, h, *folded[1]), axis=folded[1]),
        name="total",
    )
    m = te.reduce_axis((0, positions), "m")
    key = [tirx.floordiv(m, PANEL), tirx.floormod(m, PANEL)] if attrs.packed else [m]
    mixed = te.compute(
        (batch, rows, heads, columns),
        lambda b, n, h, c: te.sum(
            powers(b, n, h, *key) * attrs.values.at(values, b, h, m, c), axis=m
        ),
        name="mixed",
    )

    def result(b: Any, n: Any, h: Any, c: Any) -> ir.Expr:
        value = mixed(b, n, h, c) / total(b, n, h)
        if not attrs.safe:
            return value
        nothing = tirx.EQ(peaks(b, n, h), minus_infinity)
        return tirx.Select(nothing, tirx.const(0, queries.dtype), value)

    return te.compute((batch, rows, heads, columns), result, name="attention")


def _mask_at(mask: te.Tensor, point: Sequence[Any]) -> ir.Expr:
    """Return the element of a mask that broadcasts to a point of the scores."""
    own = list(point)[len(point) - len(mask.shape) :]
    return mask(*broadcast_index(own, list(mask.shape)))


def _is_multiple(positions: Any) -> bool:
    return isinstance(positions, tirx.IntImm) and int(positions) % PANEL == 0
