"""Where the window of a depthwise product of bytes lies on the picture, and what it shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import tvm_ffi
from tvm import tirx

from pyjsml.kernels.int8.factors import Factors
from pyjsml.kernels.int8.int8 import GROUP
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, integer, linear, substitute, uses
from pyjsml.kernels.tir.stage import Axis


@dataclass(frozen=True)
class Window:
    """A depthwise product over pixels along `row`, reduced `across` and `down` its window."""

    emitter: Emitter
    factors: Factors
    outer: tuple[Axis, ...]
    row: Axis
    column: Axis
    across: Axis
    down: Axis

    @cached_property
    def is_regular(self) -> bool:
        """Whether every limit is one of the sides, or one of the rows that leaves some row."""
        beside = [axis.var for axis in (*self.outer, self.column, self.down)]
        axes = [*beside, self.row.var, self.across.var]
        return (
            linear(self.factors.x.indices[0], axes) is not None
            and not any(uses(limit, beside) for limit in self.sides)
            and not any(uses(limit, [self.column.var]) for limit in self.heights)
            and self.first_tap is not None
            and self.some_row is not None
        )

    @cached_property
    def sides(self) -> list[Any]:
        """The limits to the left and to the right."""
        along = [self.row.var, self.across.var]
        return [limit for limit in self.factors.limits if uses(limit, along)]

    @cached_property
    def heights(self) -> list[Any]:
        """The limits above and below."""
        along = [self.row.var, self.across.var]
        return [limit for limit in self.factors.limits if not uses(limit, along)]

    @cached_property
    def first_tap(self) -> int | None:
        """The first tap of the first pixel of a row that lies on the picture."""
        taps = range(int(self.across.extent))
        return next((tap for tap in taps if self.on_picture(integer(0), tap)), None)

    @cached_property
    def some_row(self) -> dict[tirx.Var, Any] | None:
        """Where a row lies that is on the picture."""
        moving = [a for a in self.outer if any(uses(limit, [a.var]) for limit in self.heights)]
        at = {axis.var: integer(0) for axis in (*self.outer, self.down)}
        for position in product(*[range(int(axis.extent)) for axis in (*moving, self.down)]):
            numbers = zip((*moving, self.down), position, strict=True)
            at |= {axis.var: integer(number) for axis, number in numbers}
            if self._holds(self.heights, at):
                return at
        return None

    @cached_property
    def shared(self) -> Axis | None:
        """The axis whose next point has the window a row further down, if a group holds both."""
        exprs = [self.factors.x.indices[0], *self.heights]
        for axis in self.outer if int(self.down.extent) < GROUP else ():
            steps = [{moved.var: moved.var + 1} for moved in (axis, self.down)]
            pairs = ([self.emitter.simplify(substitute(e, step)) for step in steps] for e in exprs)
            if (constant(axis.extent) or 1) > 1 and all(
                tvm_ffi.structural_equal(left, right) for left, right in pairs
            ):
                return axis
        return None

    @property
    def outputs(self) -> int:
        """Rows of outputs that a tile has."""
        return 1 if self.shared is None else 2

    @property
    def groups(self) -> int:
        """Groups of rows of the picture that a tile reads."""
        return -(-(int(self.down.extent) + self.outputs - 1) // GROUP)

    def line(self, number: int) -> dict[tirx.Var, Any]:
        """Return where the row of the picture lies that is `number` rows below a tile's first."""
        beyond = max(0, number - int(self.down.extent) + 1)
        at: dict[tirx.Var, Any] = {self.down.var: integer(number - beyond)}
        if beyond and self.shared is not None:
            at[self.shared.var] = self.shared.var + beyond
        return at

    def inside(self, at: dict[tirx.Var, Any]) -> Any:
        """Return the condition under which the row `at` is on the picture, 1 if it always is."""
        limits = [substitute(limit, at) for limit in self.heights]
        return self.emitter.simplify(tirx.all(*limits)) if limits else integer(1)

    def offset(self, pixel: Any, tap: int) -> Any:
        """Return how far a tap lies from the first one of its row that is on the picture."""
        index = self.factors.x.indices[0]
        here = {self.row.var: pixel, self.across.var: integer(tap)}
        there = {self.row.var: integer(0), self.across.var: integer(self.first_tap or 0)}
        return self.emitter.simplify(substitute(index, here) - substitute(index, there))

    def on_picture(self, pixel: Any, tap: int) -> bool:
        """Tell whether a tap across the window certainly lies on the picture at a pixel."""
        return self._holds(self.sides, {self.row.var: pixel, self.across.var: integer(tap)})

    def _holds(self, limits: list[Any], at: dict[tirx.Var, Any]) -> bool:
        found = (self.emitter.simplify(substitute(limit, at)) for limit in limits)
        return all(constant(limit) == 1 for limit in found)
