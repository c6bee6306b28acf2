"""Loops written out: flat buffers, bounded variables, and the loop kinds that LLVM is handed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import ir, sym, tirx

from pyjsml.kernels.tir.expression import INDEX, dtype, integer, replace_loads
from pyjsml.kernels.tir.stage import Axis, Stages

MAX_EXTENT = 2**31 - 2
STORED = {"bool": "uint8"}
"""How a dtype lies in memory, where that differs: a bool is a byte, not a bit."""


@dataclass(frozen=True)
class Storage:
    """Where a buffer's elements lie: in `flat`, at `start` plus the sum of index times stride.

    Loads of a `layered` one have the index of the first dim before that.
    """

    flat: tirx.Var
    strides: tuple[Any, ...]
    start: Any
    layered: bool = False


class Emitter:
    """Turns stages into loops over flat buffers and keeps the bounds of every loop variable."""

    def __init__(self, function: Stages) -> None:
        self.function = function
        self.analyzer = sym.Analyzer()
        self.storage: dict[tirx.Var, Storage] = {}
        for dim in function.dims.values():
            # A kernel whose dim is 0 runs no iteration, so its body may take every dim as positive.
            self.analyzer.bind(dim, ir.Range(1, MAX_EXTENT))
        for stage in function.stages:
            for axis in (*stage.axes, *stage.reduced):
                self.bind(axis)
        for buffer in function.params:
            self.place(buffer, flat_buffer(buffer.name, dtype(buffer), self.size(buffer)))

    def bind(self, axis: Axis) -> Axis:
        """Make known that `axis.var` runs from 0 to its extent."""
        self.analyzer.bind(axis.var, ir.Range(0, axis.extent))
        return axis

    def axis(self, name: str, extent: Any | int) -> Axis:
        """Return a new axis, its bounds known."""
        extent = integer(extent) if isinstance(extent, int) else self.simplify(extent)
        return self.bind(Axis(tirx.Var(name, INDEX), extent))

    def simplify(self, expr: Any) -> Any:
        """Return `expr` simplified under all known bounds."""
        return self.analyzer.simplify(expr)

    def equal(self, left: Any, right: Any) -> bool:
        """Tell whether two index expressions are provably equal."""
        return bool(self.analyzer.can_prove_equal(left, right))

    def size(self, buffer: tirx.Var) -> Any:
        """Return the number of elements of `buffer`."""
        size: Any = integer(1)
        for extent in self.function.shape(buffer):
            size = size * extent
        return self.simplify(size)

    def place(
        self,
        buffer: tirx.Var,
        flat: tirx.Var,
        dropped: int = 0,
        block: tuple[int, Any] | None = None,
    ) -> None:
        """Lay `buffer` in `flat`, without its first `dropped` dims.

        `block` keeps one of these after all, from an index on: its position and that index.
        """
        strides: list[Any] = []
        stride: Any = integer(1)
        start: Any = integer(0)
        for position, extent in reversed(list(enumerate(self.function.shape(buffer)))):
            kept = position >= dropped
            if block is not None and position == block[0]:
                kept, start = True, -block[1] * stride
            strides.append(stride if kept else integer(0))
            if position >= dropped:
                stride = self.simplify(stride * extent)
        self.storage[buffer] = Storage(flat, tuple(reversed(strides)), start)

    def place_layers(self, buffer: tirx.Var, flat: tirx.Var) -> None:
        """Lay `buffer` in `flat`, whose first dim counts layers as that of `buffer` does."""
        self.place(buffer, flat, dropped=1)
        self.storage[buffer] = replace(self.storage[buffer], layered=True)

    def index(self, buffer: tirx.Var, indices: Sequence[Any]) -> Any:
        """Return the flat index of an element."""
        flat: Any = self.storage[buffer].start
        for index, stride in zip(indices, self.storage[buffer].strides, strict=True):
            flat = flat + index * stride
        return self.simplify(flat)

    def flatten(self, expr: Any) -> Any:
        """Rewrite the loads of `expr` for flat buffers; a bool is read from its byte."""

        def load(node: ir.TensorLoad, indices: list[Any]) -> Any:
            if node.source not in self.storage:
                return tirx.BufferLoad(node.source, indices)
            storage = self.storage[node.source]
            layer = [self.simplify(indices[0])] if storage.layered else []
            value = tirx.BufferLoad(storage.flat, [*layer, self.index(node.source, indices)])
            return value != tirx.const(0, "uint8") if dtype(node.source) == "bool" else value

        return replace_loads(expr, load)

    def resimplify(self, expr: Any) -> Any:
        """Simplify the indices of flat loads again, after a substitution."""
        return replace_loads(
            expr,
            lambda node, indices: tirx.BufferLoad(node.source, [*map(self.simplify, indices)]),
        )


def flat_buffer(name: str, kind: str, size: Any, scope: str = "global") -> tirx.Var:
    """Declare a one-dimensional buffer of `size` elements."""
    return tirx.decl_buffer((size,), STORED.get(kind, kind), name=name, scope=scope)


def local(name: str, kind: str, size: int) -> tirx.Var:
    """Declare a buffer that lies in registers or on the stack."""
    return flat_buffer(name, kind, integer(size), "local")


def store(flat: tirx.Var, index: Any, value: Any) -> tirx.Stmt:
    """Write `value` to a flat buffer; a bool becomes its byte."""
    if dtype(value) == "bool" and dtype(flat) == "uint8":
        value = tirx.Cast("uint8", value)
    return tirx.BufferStore(flat, value, [index])


def sequence(*statements: tirx.Stmt) -> tirx.Stmt:
    """Run statements one after the other."""
    return statements[0] if len(statements) == 1 else tirx.SeqStmt(list(statements))


def serial(axes: Sequence[Axis], body: tirx.Stmt) -> tirx.Stmt:
    """Run `body` for each point of `axes`, the last axis fastest."""
    return _loops(axes, body, tirx.ForKind.SERIAL)


def unrolled(axes: Sequence[Axis], body: tirx.Stmt) -> tirx.Stmt:
    """Write `body` out for each point of `axes`, whose extents are constants."""
    return _loops(axes, body, tirx.ForKind.UNROLLED)


def vectorized(axis: Axis, body: tirx.Stmt) -> tirx.Stmt:
    """Run `body` for all points of `axis`, whose extent is a constant, at once."""
    return _loops([axis], body, tirx.ForKind.VECTORIZED)


def _loops(axes: Sequence[Axis], body: tirx.Stmt, kind: tirx.ForKind) -> tirx.Stmt:
    for axis in reversed(axes):
        body = tirx.For(axis.var, integer(0), axis.extent, kind, body)
    return body


def allocate(buffers: Sequence[tirx.Var], body: tirx.Stmt) -> tirx.Stmt:
    """Give `body` local buffers."""
    return sequence(*[tirx.AllocBuffer(buffer) for buffer in buffers], body)
