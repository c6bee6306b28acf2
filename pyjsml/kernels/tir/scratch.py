"""Local arrays that hold some elements of a stage's buffer, one vector or block of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import ir, tirx

from pyjsml.kernels.tir.branches import settle
from pyjsml.kernels.tir.emit import Emitter, local, vectorized
from pyjsml.kernels.tir.expression import dtype, replace_loads, substitute
from pyjsml.kernels.tir.stage import Axis, Stage


@dataclass(frozen=True)
class Scratch:
    """The elements of `buffer` in the local array `flat`.

    `strides` has one for each dim of the buffer but the last; it is 0 where only one point is held.
    The column, which is the position along the last dim, is given apart: it may count from where
    the array begins.
    """

    buffer: tirx.Var
    flat: tirx.Var
    strides: tuple[int, ...]

    @staticmethod
    def of(stage: Stage, size: int, strides: Sequence[int]) -> Scratch:
        """Return an array of `size` elements for what `stage` computes."""
        flat = local(stage.buffer.name, dtype(stage.buffer), size)
        return Scratch(stage.buffer, flat, tuple(strides))

    def index(self, point: Sequence[Any], column: Any) -> Any:
        """Return where in the array the element of `column` at `point` lies."""
        for position, stride in zip(point, self.strides, strict=True):
            column = column + position * stride
        return column

    def put(self, point: Sequence[Any], column: Any, lane: Axis, value: Any) -> tirx.Stmt:
        """Store a vector over `lane`."""
        return vectorized(lane, tirx.BufferStore(self.flat, value, [self.index(point, column)]))

    def load(self, expr: Any, column: Any = None) -> Any:
        """Read the array where `expr` reads the buffer; `column` stands for the last index."""

        def load(node: ir.TensorLoad, indices: list[Any]) -> Any:
            if not node.source.same_as(self.buffer):
                return tirx.BufferLoad(node.source, indices)
            *point, last = indices
            index = self.index(point, last if column is None else column)
            return tirx.BufferLoad(self.flat, [index])

        return replace_loads(expr, load)


def element(
    emitter: Emitter, stage: Stage, point: Sequence[Any], *held: tuple[Scratch, Any]
) -> Any:
    """Return what `stage` has at `point`, reading each array of `held` at the column beside it.

    The selections that are known at `point` are made.
    """
    at = {axis.var: position for axis, position in zip(stage.axes, point, strict=True)}
    value = substitute(stage.writes[0].value, at)
    for scratch, column in held:
        value = scratch.load(value, column)
    return emitter.resimplify(settle(emitter, emitter.flatten(value)))
