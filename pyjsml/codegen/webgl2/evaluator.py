"""TIR's expressions as GLSL, evaluated in all four lanes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tvm import ir, tirx

from pyjsml.codegen.webgl2 import operators
from pyjsml.codegen.webgl2.fetches import Fetches, Guard, Sampler
from pyjsml.codegen.webgl2.functions import call
from pyjsml.codegen.webgl2.kinds import kind_of, literal
from pyjsml.codegen.webgl2.lanes import Lanes
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.codegen.webgl2.writer import Value, Writer
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import (
    Compare,
    call_name,
    dtype,
    is_if_then_else,
    loads,
    uses,
)


class Evaluator:
    """Writes the statements that evaluate expressions.

    `names` says what a variable is in the shader. What differs between the lanes is in `lanes`;
    None where there are none yet.
    """

    def __init__(
        self, emitter: Emitter, writer: Writer, samplers: Mapping[tirx.Var, Sampler]
    ) -> None:
        self.emitter = emitter
        self.writer = writer
        self.names: dict[tirx.Var, Value] = {}
        self.lanes: Lanes | None = None
        self._fetches = Fetches(self, samplers)

    def index(self, expr: Any) -> Value:
        """Evaluate an integer that is the same in all lanes."""
        return self.value(self.emitter.simplify(expr))

    def value(self, expr: Any) -> Value:
        """Evaluate `expr`; NoShaderError for what GLSL does not have."""
        match expr:
            case tirx.IntImm() | tirx.FloatImm():
                return Value(literal(expr), kind_of(dtype(expr)))
            case tirx.Var():
                return self._variable(expr)
            case ir.TensorLoad():
                return self._load(expr)
            case tirx.Cast():
                return operators.cast(self.writer, self.value(expr.value), expr)
            case tirx.Let():
                self.names[expr.var] = self.value(expr.value)
                return self.value(expr.body)
            case tirx.Select():
                return self._choice(expr.condition, expr.true_value, expr.false_value)
            case tirx.Not():
                return operators.negation(self.writer, self.value(expr.a))
            case tirx.BitwiseNot():
                return operators.inverse(self.writer, self.value(expr.a), dtype(expr))
            case tirx.Add() | tirx.Sub() if kind_of(dtype(expr)) == "int" and not _narrow(expr):
                return self._sum(expr)
            case ir.Call():
                return self._call(expr)
        if isinstance(expr, Compare) and self.lanes is not None and not loads(expr):
            # A bound may hold for all lanes at once, or always.
            lanes = self.lanes.of(expr)
            if len(lanes) == 1 and not uses(lanes[0], self.lanes.own):
                return self._binary(lanes[0])
        return self._binary(expr)

    def _binary(self, expr: Any) -> Value:
        if isinstance(expr, tirx.IntImm):
            return Value(literal(expr), "bool")
        if not hasattr(expr, "b"):
            raise NoShaderError(f"WebGL2 has no {type(expr).__name__}")
        division = isinstance(expr, tirx.FloorDiv | tirx.FloorMod)
        prove = self.emitter.analyzer.can_prove
        positive = division and prove(expr.a >= 0) and prove(expr.b > 0)
        return operators.binary(self.writer, expr, self.value(expr.a), self.value(expr.b), positive)

    def _variable(self, var: tirx.Var) -> Value:
        if self.lanes is not None and var in self.lanes.wide:
            return self.lanes.wide[var]
        return self.names[var]

    def _load(self, load: ir.TensorLoad, guard: Guard | None = None) -> Value:
        *layer, index = load.indices
        if self.lanes is None:
            return self._fetches.load(load.source, [index], layer, guard)
        layers = self.lanes.of(layer[0]) if layer else []
        return self._fetches.load(load.source, self.lanes.of(index), layers, guard)

    def _call(self, expr: ir.Call) -> Value:
        if is_if_then_else(expr):
            return self._choice(*expr.args)
        if call_name(expr) == "likely":
            return self.value(expr.args[0])
        return call(self.writer, expr, self.value)

    def _choice(self, condition: Any, true: Any, false: Any) -> Value:
        decided = self.value(condition)
        if decided.text in ("true", "false"):
            return self.value(true if decided.text == "true" else false)
        if isinstance(false, tirx.FloatImm | tirx.IntImm) and not decided.wide:
            if isinstance(true, ir.TensorLoad):
                return self._load(true, Guard(decided, self.value(false)))
            if float(false.value) == 0.0 and self._may_guard_factor(true):
                # A texel outside of a window is 0 for all the weights that it meets.
                return self.value(tirx.if_then_else(condition, true.a, false) * true.b)
        return operators.choose(self.writer, decided, self.value(true), self.value(false))

    def coordinate(self, texel: Any) -> Value:
        """Return how many texels lie before the middle of one.

        It is a float because that is what samplers take. All of its parts are multiples of a half,
        so that their sums are exact; the part of each loop is computed in it.
        """
        outer, *inner = self._by_level(self.emitter.simplify(texel))
        parts = [operators.place(self.writer, outer, 0.5)]
        parts += [operators.place(self.writer, part, 0.0) for part in inner]
        total = parts[0]
        for part in parts[1:]:
            total = operators.keep(self.writer, "{} + {}", "float", total, part)
        return total

    def _by_level(self, expr: Any) -> list[Value]:
        """Return the parts of a sum of integers, one for each loop that it has a part in."""
        parts: list[Value] = []
        for sign, term in _terms(expr):
            value = self.value(term)
            parts.append(value if sign > 0 else operators.negative(self.writer, value))
        levels = sorted({part.level for part in parts})
        return [
            operators.total(self.writer, [part for part in parts if part.level == level])
            for level in levels
        ]

    def _may_guard_factor(self, expr: Any) -> bool:
        """Tell whether `expr` is a product whose second factor is there in any case."""
        loaded = isinstance(expr, tirx.Mul) and all(
            isinstance(side, ir.TensorLoad) for side in (expr.a, expr.b)
        )
        if not loaded:
            return False
        index, size = expr.b.indices[-1], expr.b.source.shape[-1]
        proves = self.emitter.analyzer.can_prove
        return bool(proves(index >= 0) and proves(index < size))

    def _sum(self, expr: Any) -> Value:
        """Add up terms, those of outer loops first, so that inner ones have less to do."""
        return operators.total(self.writer, self._by_level(expr))


def _terms(expr: Any, sign: int = 1) -> Iterator[tuple[int, Any]]:
    """Yield the terms of a sum with their signs."""
    if isinstance(expr, tirx.Add | tirx.Sub) and not _narrow(expr):
        yield from _terms(expr.a, sign)
        yield from _terms(expr.b, -sign if isinstance(expr, tirx.Sub) else sign)
    else:
        yield sign, expr


def _narrow(expr: Any) -> bool:
    return dtype(expr) not in ("int32", "int64")
