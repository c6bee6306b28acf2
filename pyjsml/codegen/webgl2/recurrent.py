"""Recurrent layers: the passes of one step, again for each step.

Every step's h has a texture of its own, as no fragment can write into a texture that another one
reads. Passes join as many of them as they can read, and others what came of that, into the result.
The texts of all steps are the same; which one it is goes in by a dim of the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tvm import te, tirx

from pyjsml.codegen.webgl2.parts import MOST_INPUTS
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.dims import Expr, product
from pyjsml.kernels.gathered.recurrent import GatheredStep
from pyjsml.kernels.recurrent.layer import Layer
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.kernels.tir.expression import constant
from pyjsml.kernels.tir.signature import symbolic_dims
from pyjsml.program import Pass, Shader, Temp

MOST_STEPS = 256
"""How many steps may be drawn one after the other: each is several draws of few texels,
which `shaders.js` lists."""

JOINED = MOST_INPUTS - 1
"""How many textures one pass joins, beside what earlier ones have."""

FIRST = 1
"""What the dim of the first step is: dims are taken to be at least that."""

Make = Callable[[tirx.PrimFunc, int], Shader]


def recurrent(func: tirx.PrimFunc, layer: Layer, workspaces: int, make: Make) -> Shader:
    """Return the passes of `func`, which runs the steps of `layer`; `make` makes those of one step.

    NoShaderError where the number of steps is not known, or too large.
    """
    return _Recurrent(func, layer, workspaces, make).made()


class _Recurrent:
    def __init__(self, func: tirx.PrimFunc, layer: Layer, workspaces: int, make: Make) -> None:
        self._layer, self._make = layer, make
        params = [param for param in func.params if tirx.is_buffer_var(param)]
        self._inputs = params[: 4 if layer.cell in ("lstm", "gru") else 3]
        self._every, self._last = len(self._inputs), len(self._inputs) + 1
        self._first_temp = len(params) + workspaces
        dims = symbolic_dims(func)
        self._names = {dim: f"n{number}" for number, dim in enumerate(dims)}
        self._number = f"n{len(dims)}"
        self._steps = _known(self._inputs[0].shape[1 if layer.batch_first else 0])
        self._temps: list[Temp] = []
        self._passes: list[Pass] = []
        self._joins: dict[tuple[int, int, bool, bool], Shader] = {}

    def made(self) -> Shader:
        one = self._make(self._step(), 0)
        own = [self._temp(temp) for temp in one.temps]
        lstm = self._layer.cell == "lstm"
        state, other = ([2, 3], []) if lstm else ([2], [*range(3, len(self._inputs))])
        kept = [self._like(self._inputs[2], JOINED + 1)]
        if lstm:
            kept.append(self._like(self._inputs[3], 2))
        waiting: list[int] = []
        runs: list[int] = []
        for number in range(self._steps):
            last = number == self._steps - 1
            result = [
                self._last + n if last else refs[number % len(refs)] for n, refs in enumerate(kept)
            ]
            at = self._steps - 1 - number if self._layer.backwards else number
            self._draw(one, [0, 1, *state, *other, *result, *own], at)
            state = result
            waiting.append(result[0])
            if self._steps > JOINED and (last or len(waiting) == JOINED):
                runs.append(self._run(waiting))
                waiting = []
        self._join(runs or waiting, JOINED if runs else 1)
        return Shader(tuple(self._passes), tuple(self._temps))

    def _step(self) -> tirx.PrimFunc:
        """Return the function of one step, whose number is its last param but for the results."""
        inputs = self._placeholders(self._inputs)
        number = tirx.Var("number", "int64")
        x, weight, hidden, *other = inputs
        extra = other[0] if other else None
        made = GatheredStep(self._layer, x, weight, hidden, extra, number - FIRST).made()
        return te.create_prim_func([*inputs, number, *made])

    def _run(self, states: Sequence[int]) -> int:
        """Draw the h of some steps into one texture, the first step first; return where."""
        into = self._temp(Temp("float32", self._size([len(states), *self._inputs[2].shape])))
        self._draw(self._joined(len(states), 1, whole=False), [*states, into], 0)
        return into

    def _join(self, pieces: Sequence[int], length: int) -> None:
        """Draw `pieces`, each the h of so many steps, into the result."""
        parts = range(0, len(pieces), JOINED)
        temp = Temp("float32", self._size(self._shape()))
        turns = [self._temp(temp) for _ in parts[:-1][:2]]
        before: list[int] = []
        for number, first in enumerate(parts):
            some = pieces[first : first + JOINED]
            into = self._every if first == parts[-1] else turns[number % 2]
            joined = self._joined(len(some), length, bool(before), whole=True)
            self._draw(joined, [*some, *before, into], first)
            before = [into]

    def _joined(self, count: int, length: int, continued: bool = False, *, whole: bool) -> Shader:
        """Return the passes of `_joining`, made once."""
        key = (count, length, continued, whole)
        if key not in self._joins:
            self._joins[key] = self._make(self._joining(*key), 0)
        return self._joins[key]

    def _joining(self, count: int, length: int, continued: bool, whole: bool) -> tirx.PrimFunc:
        """Return what joins `count` pieces of `length` steps, beside what is there if `continued`.

        Which one the first is goes in by a dim. What it makes is [steps, batch, units], or with
        `whole` the result, which has the steps in the order of the layer's inputs.
        """
        hidden = self._inputs[2]
        shape = self._shape() if whole else [count, *hidden.shape]
        each = hidden.shape if length == 1 else [length, *hidden.shape]
        pieces = [te.placeholder(each, "float32", name=f"piece{n}") for n in range(count)]
        before = [te.placeholder(shape, "float32", name="before")] if continued else []
        first = tirx.Var("first", "int64")

        def element(*at: Any) -> Any:
            row, step = at[:2] if whole and self._layer.batch_first else (at[1], at[0])
            if whole and self._layer.backwards:
                step = self._steps - 1 - step
            which, within = tirx.floordiv(step, length), tirx.floormod(step, length)
            place = [row, at[2]] if length == 1 else [within, row, at[2]]
            value = before[0](*at) if before else pieces[0](*place)
            for number, piece in enumerate(pieces):
                here = which == first - FIRST + number
                value = tirx.if_then_else(here, piece(*place), value)
            return value

        made = te.compute(shape, element, name="joined")
        return te.create_prim_func([*pieces, *before, first, made])

    def _placeholders(self, buffers: Sequence[tirx.Var]) -> list[te.Tensor]:
        return [
            te.placeholder(list(each.shape), "float32", name=f"{each.name}{number}")
            for number, each in enumerate(buffers)
        ]

    def _shape(self) -> list[Any]:
        """Return the shape of every step's h."""
        batch, units = self._inputs[2].shape
        return (
            [batch, self._steps, units] if self._layer.batch_first else [self._steps, batch, units]
        )

    def _like(self, buffer: tirx.Var, count: int) -> list[int]:
        """Make room for as many states as that takes, at most `count`; the last one needs none."""
        size = self._size(list(buffer.shape))
        return [self._temp(Temp("float32", size)) for _ in range(min(count, self._steps - 1))]

    def _size(self, shape: Sequence[Any]) -> Expr:
        return product([to_expr(size, self._names) for size in shape])

    def _temp(self, temp: Temp) -> int:
        self._temps.append(temp)
        return self._first_temp + len(self._temps) - 1

    def _draw(self, shader: Shader, refs: Sequence[int], number: int) -> None:
        """Add the passes of `shader`, whose tensors are `refs`, and whose last dim is `number`."""
        for each in shader.passes:
            self._passes.append(
                replace(
                    each,
                    inputs=tuple(refs[ref] for ref in each.inputs),
                    outputs=tuple(refs[ref] for ref in each.outputs),
                    dims=tuple(number + FIRST if dim == self._number else dim for dim in each.dims),
                )
            )


def _known(steps: Any) -> int:
    """Return how many steps there are; NoShaderError where shaders can't have so many."""
    count = constant(steps)
    if count is None:
        raise NoShaderError("how many steps its layer runs is not known before it does")
    if count > MOST_STEPS:
        raise NoShaderError(f"its layer runs {count} steps, and shaders up to {MOST_STEPS}")
    return count
