"""Transcendental functions as arithmetic that vectorises: no libm, no imports.

Each function of the table takes float32 expressions and returns one; its docstring gives the
largest error found against float64 over its domain, in units in the last place (ulp), and the
polynomial's source. NaN goes in and comes out; infinities and overflow end where IEEE 754 has them
end.
Cephes is Stephen Moshier's library (netlib.org/cephes, single precision); Eigen is
eigen.tuxfamily.org, MathFunctionsImpl.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.emit import local, sequence
from pyjsml.kernels.expression import call_name, cast, dtype, is_if_then_else, substitute

Function = Callable[..., Any]

LN2 = math.log(2)
LOG2E = 1 / math.log(2)
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
MAGIC = 12582912.0
"""1.5 · 2^23: adding it rounds to an integer, and leaves it in the low bits of the sum."""
LANES = 4
"""Lanes of a vector of float32."""
LN10 = math.log(10)
LOG2_10 = math.log2(10)


def lower_math(body: Any) -> Any:
    """Replace what WebAssembly has no instruction for, and give max and min IEEE's way with NaN.

    A store's intermediate values go to local buffers before it: TVM puts the values of let
    expressions in place whenever it simplifies, in exponential time, and regroups floats then. Only
    in a branch that may not be evaluated do lets stay.
    """

    lanes: list[Any] = []

    def loop(node: tirx.For, mutator: Any) -> Any:
        if int(node.kind) != tirx.ForKind.VECTORIZED:
            return mutator.default_mutate(node)
        lanes.append(node)
        lowered = mutator.default_mutate(node)
        lanes.pop()
        return lowered

    def statement(node: Any, mutator: Any) -> Any:
        lowered = mutator.default_mutate(node)
        held = _Held(lanes[-1] if lanes else None)
        value = held.lift(lowered.value)
        return held.before(tirx.BufferStore(lowered.buffer, value, lowered.indices))

    def call(node: ir.Call, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        name = call_name(node)
        own = own_function(node)
        if own is not None:
            return extremes(_bound(node.args[1:], own))
        if name in FLOAT32 and dtype(node) == "float32":
            return extremes(_bound(node.args, FLOAT32[name]))
        if name in ANY_FLOAT and dtype(node.args[0]).startswith("float"):
            return extremes(_bound(node.args, ANY_FLOAT[name]))
        return node

    def extremes(expr: Any) -> Any:
        return tvm_ffi.structural_mutate(expr, [((tirx.Max, tirx.Min), extreme)])

    def extreme(node: Any, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        if not dtype(node).startswith("float"):
            return node
        largest = isinstance(node, tirx.Max)
        vector = bool(lanes) and int(lanes[-1].extent) == LANES and dtype(node) == "float32"
        lowered = _extreme_of_vectors if vector else _extreme
        return _bound([node.a, node.b], lambda a, b: lowered(a, b, largest))

    return tvm_ffi.structural_mutate(
        body,
        [
            (tirx.For, loop),
            (tirx.BufferStore, statement),
            (ir.Call, call),
            ((tirx.Max, tirx.Min), extreme),
        ],
    )


class _Held:
    """Local buffers for the intermediate values of one store, with an element per lane."""

    def __init__(self, vector: Any | None) -> None:
        self._size = 1 if vector is None else int(vector.extent)
        self._index = tirx.IntImm("int32", 0) if vector is None else vector.loop_var
        self._values: list[tuple[tirx.Var, Any]] = []

    def lift(self, expr: Any) -> Any:
        """Return `expr` with what its lets bind put in buffers, in the order of evaluation."""
        loads: dict[tirx.Var, Any] = {}

        def let(node: Any, mutator: Any) -> Any:
            buffer = local(node.var.name, dtype(node.var), self._size)
            self._values.append((buffer, mutator.mutate(node.value)))
            loads[node.var] = tirx.BufferLoad(buffer, [self._index])
            return mutator.mutate(node.body)

        def variable(node: tirx.Var, mutator: Any) -> Any:
            return loads.get(node, node)

        def call(node: ir.Call, mutator: Any) -> Any:
            if not is_if_then_else(node):
                return mutator.default_mutate(node)
            # What a branch reads may only be there if the branch is taken.
            condition, *branches = node.args
            return tirx.if_then_else(
                mutator.mutate(condition), *[substitute(branch, loads) for branch in branches]
            )

        return tvm_ffi.structural_mutate(
            expr, [(tirx.Let, let), (tirx.Var, variable), (ir.Call, call)]
        )

    def before(self, store: tirx.Stmt) -> tirx.Stmt:
        """Return the stores of the intermediate values, followed by `store`."""
        allocations = [tirx.AllocBuffer(buffer) for buffer, _ in self._values]
        stores = [tirx.BufferStore(b, value, [self._index]) for b, value in self._values]
        return sequence(*allocations, *stores, store)


def own_function(call: ir.Call) -> Function | None:
    """Return which function of `EXTERN` is called, if it is one."""
    if call_name(call) != "call_pure_extern":
        return None
    return EXTERN.get(str(call.args[0].value))


def unsupported_math(body: Any) -> list[str]:
    """Return the functions in `body` that there is no code for, each once."""
    found: dict[str, None] = {}

    def visit(node: ir.Call) -> None:
        name, kind = call_name(node), dtype(node)
        if name in FLOAT32 and kind != "float32" and kind.startswith("float"):
            found.setdefault(f"{name} of {kind}")
        elif name in NEVER:
            found.setdefault(name)

    tvm_ffi.structural_walk(body, (ir.Call, visit))
    return list(found)


def _bound(values: Sequence[Any], function: Function) -> Any:
    """Apply `function` to variables that hold `values`, so that each is computed once."""
    variables = []
    bindings = []
    for value in values:
        if isinstance(value, (tirx.Var, tirx.FloatImm, tirx.IntImm)):
            variables.append(value)
        else:
            variable = tirx.Var("t", dtype(value))
            variables.append(variable)
            bindings.append((variable, value))
    result = function(*variables)
    for variable, value in reversed(bindings):
        result = tirx.Let(variable, value, result)
    return result


def _let(value: Any, function: Function) -> Any:
    return _bound([value], function)


def _f(value: float, kind: str = "float32") -> Any:
    return tirx.FloatImm(kind, value)


def _i(value: int) -> Any:
    return tirx.IntImm("int32", value)


def _poly(x: Any, *coefficients: float) -> Any:
    """Evaluate a polynomial by Horner's rule, the highest power's coefficient first."""
    kind = dtype(x)
    first, *others = coefficients
    value: Any = _f(first, kind)
    for coefficient in others:
        value = value * x + _f(coefficient, kind)
    return value


def _bits(x: Any) -> Any:
    return tirx.reinterpret("int32", x)


def _float(bits: Any) -> Any:
    return tirx.reinterpret("float32", bits)


def _select(condition: Any, true: Any, false: Any) -> Any:
    return tirx.Select(condition, true, false)


def _abs(x: Any) -> Any:
    return _float(_bits(x) & _i(0x7FFFFFFF))


def _signed(magnitude: Any, x: Any) -> Any:
    """Give `magnitude` the sign of `x`."""
    return _float(_bits(magnitude) ^ (_bits(x) & _i(-0x80000000)))


def _clamp(x: Any, low: float, high: float) -> Any:
    return _let(tirx.Max(x, _f(low)), lambda y: tirx.Min(y, _f(high)))


def _extreme(a: Any, b: Any, largest: bool) -> Any:
    """Return the larger or smaller of two values, or a NaN if there is one.

    Against a constant, one comparison and one select will do. The comparison is with the constant's
    neighbour, which changes nothing but what LLVM sees: of the plain form it would make a relaxed
    minimum or maximum, which may lose a NaN.
    """
    if isinstance(a, tirx.FloatImm):
        a, b = b, a
    if isinstance(b, tirx.FloatImm):
        beyond = _f(_neighbour(b.value, largest, dtype(a)), dtype(a))
        return _select(a < beyond if largest else a > beyond, b, a)
    return _llvm("maximum" if largest else "minimum", a, b)


def _extreme_of_vectors(a: Any, b: Any, largest: bool) -> Any:
    """Return the same of float32 in four lanes.

    One instruction gives the first operand where either is NaN. Of two variables it is taken both
    ways round: the bits of a number and a NaN together are a NaN's. The instruction that treats
    both sides alike takes eight on x86.
    """
    name = "wasm.pmax" if largest else "wasm.pmin"
    if isinstance(a, tirx.FloatImm):
        a, b = b, a
    picked = _llvm(name, a, b)
    if isinstance(b, tirx.FloatImm):
        return picked
    return _float(_bits(picked) | _bits(_llvm(name, b, a)))


def _is_nan(x: Any) -> Any:
    """Test the bits: TVM takes x != x for false, and does not vectorise its own isnan."""
    if dtype(x) == "float64":
        bits = tirx.reinterpret("int64", x) & tirx.IntImm("int64", 0x7FFFFFFFFFFFFFFF)
        return bits > tirx.IntImm("int64", 0x7FF0000000000000)
    return (_bits(x) & _i(0x7FFFFFFF)) > _i(0x7F800000)


def _neighbour(value: float, above: bool, kind: str) -> float:
    """Return the number of dtype `kind` that comes next to `value`."""
    number = np.dtype(kind).type
    return float(np.nextafter(number(value), number(np.inf if above else -np.inf)))


def _llvm(name: str, *operands: Any) -> Any:
    """Call an LLVM intrinsic that WebAssembly has an instruction for."""
    return tirx.call_llvm_pure_intrin(dtype(operands[0]), f"llvm.{name}", *operands)


def round_even(x: Any) -> Any:
    """Exact; halves go to even, as in numpy, torch and ONNX."""
    return _llvm("nearbyint", x)


def exp(x: Any) -> Any:
    """1 ulp; the polynomial is `_exp_part`'s."""
    return _exp(x, LOG2E, [LN2_HIGH, LN2_LOW], 1.0, (-104.0, 89.0))


def exp_to_one(x: Any) -> Any:
    """2 ulp from -87 to 0, and 0 below: for powers that are summed up, the largest of them 1."""

    def scaled(x: Any) -> Any:
        def result(t: Any) -> Any:
            n = t - _f(MAGIC)
            rest = n * _f(-LN2_LOW) + (n * _f(-LN2_HIGH) + x)
            # The shift drops all of the magic number's bits, and n becomes an exponent.
            power = _float((_bits(t) << _i(23)) + _i(0x3F800000))
            return _let(rest, lambda r: _exp_part(r) * power)

        value = _let(x * _f(LOG2E) + _f(MAGIC), result)
        return _let(value, lambda y: _select(x < _f(-87.0), _f(0.0), y))

    return _let(x, scaled)


def exp2(x: Any) -> Any:
    """2 ulp; the polynomial is `_exp_part`'s."""
    return _exp(x, 1.0, [1.0], LN2, (-150.0, 128.0))


def exp10(x: Any) -> Any:
    """3 ulp; the polynomial is `_exp_part`'s."""
    return _exp(x, LOG2_10, [0.301025390625, 4.605038981195214e-6], LN10, (-46.0, 39.0))


def _exp(
    x: Any,
    per_power: float,
    power: Sequence[float],
    unit: float,
    bounds: tuple[float, float],
    halved: bool = False,
    wide: bool = True,
) -> Any:
    """Return 2^n · e^(unit · r), where x = n powers + r and n = round(x · per_power).

    A power is given in parts, the first of few bits, so that n times it is exact. `halved` returns
    half of the result, which may be finite where the whole is not. Without `wide` the result is
    right only as long as 2^n is normal or infinite.
    """
    scale = _ldexp if wide else _ldexp_normal
    low, high = bounds

    def scaled(x: Any, near: Any) -> Any:
        def rest(n: Any) -> Any:
            r = x
            for part in power:
                r = n * _f(-part) + r
            return r * _f(unit) if unit != 1.0 else r

        def result(t: Any) -> Any:
            n = t - _f(MAGIC)
            offset = 0x4B400000 + int(halved)
            return _let(_let(n, rest), lambda r: scale(_exp_part(r), _bits(t) - _i(offset)))

        return _let(near * _f(per_power) + _f(MAGIC), result)

    def ended(x: Any) -> Any:
        # Only n has to stay in bounds. Beyond them the rest is large, and so is the result above;
        # below it is 0. A NaN goes its way through the rest.
        value = scaled(x, _clamp(x, low, high))
        return _let(value, lambda y: _select(x < _f(low), _f(0.0), y))

    return _let(x, ended) if wide else _let(_clamp(x, low, high), lambda y: scaled(y, y))


def _half_exp(x: Any) -> Any:
    return _exp(x, LOG2E, [LN2_HIGH, LN2_LOW], 1.0, (-104.0, 90.0), halved=True)


def _exp_part(r: Any) -> Any:
    """Return e^r for r within half of ln 2 of 0.

    The polynomial is the one of degree 6, 1 + r + …, whose greatest relative error is least there
    (6e-9, by Remez's exchange): one multiply-add for each degree.
    """
    return _poly(
        r,
        1.3814540072e-3,
        8.3687451078e-3,
        4.1668390786e-2,
        1.6666520399e-1,
        4.9999993432e-1,
        1.0,
        1.0,
    )


def _ldexp(x: Any, n: Any) -> Any:
    """Multiply by 2^n, in two steps, so that results may overflow or be subnormal."""
    half = tirx.Var("half", "int32")
    steps = x * _float((half + _i(127)) << _i(23)) * _float((n - half + _i(127)) << _i(23))
    return tirx.Let(half, n >> _i(1), steps)


def _ldexp_normal(x: Any, n: Any) -> Any:
    """Multiply by 2^n, with n from -126 to 128, in a single step."""
    return x * _float((n + _i(127)) << _i(23))


def log(x: Any) -> Any:
    """2 ulp; the polynomial is Cephes logf."""

    def split(bits: Any, shift: Any) -> Any:
        # The mantissa goes into [sqrt(1/2), sqrt(2)): 0x3F3504F3 is the lower bound's bits.
        return _let(
            bits - _i(0x3F3504F3),
            lambda b: _log_part(
                _float((b & _i(0x007FFFFF)) + _i(0x3F3504F3)) - _f(1.0),
                cast(b >> _i(23), "float32") - shift,
            ),
        )

    def body(x: Any) -> Any:
        small = x < _f(1.1754943508222875e-38)
        grown = _select(small, x * _f(8388608.0), x)
        value = split(_bits(grown), _select(small, _f(23.0), _f(0.0)))
        return _log_ends(x, value)

    return _let(x, body)


def _log_ends(x: Any, value: Any) -> Any:
    infinity = _f(math.inf)
    inside = _select(x < infinity, value, x)
    above = _select(x > _f(0.0), inside, _select(tirx.EQ(x, _f(0.0)), -infinity, _f(math.nan)))
    return _select(_is_nan(x), x, above)


def _log_part(f: Any, e: Any) -> Any:
    def value(f: Any, e: Any) -> Any:
        z = f * f
        p = _poly(
            f,
            7.0376836292e-2,
            -1.1514610310e-1,
            1.1676998740e-1,
            -1.2420140846e-1,
            1.4249322787e-1,
            -1.6668057665e-1,
            2.0000714765e-1,
            -2.4999993993e-1,
            3.3333331174e-1,
        )
        y = f * z * p + e * _f(-2.12194440e-4) - z * _f(0.5)
        return f + y + e * _f(0.693359375)

    return _bound([f, e], value)


def log2(x: Any) -> Any:
    """3 ulp; through `log`."""
    return log(x) * _f(LOG2E)


def log10(x: Any) -> Any:
    """3 ulp; through `log`."""
    return log(x) * _f(0.4342944819032518)


def log1p(x: Any) -> Any:
    """3 ulp; log(u) · x / (u - 1) undoes the rounding of u = 1 + x (Goldberg, theorem 4)."""

    def body(u: Any) -> Any:
        gained = u - _f(1.0)
        exact = tirx.any(tirx.EQ(gained, _f(0.0)), tirx.Not(u < _f(math.inf)))
        plain = _select(tirx.EQ(gained, _f(0.0)), x, log(u))
        return _select(exact, plain, log(u) * (x / gained))

    return _let(x + _f(1.0), body)


def sigmoid(x: Any) -> Any:
    """3 ulp down to x = -87; through e^-x, which may be 0 or infinite early beside 1."""
    power = _exp(-x, LOG2E, [LN2_HIGH, LN2_LOW], 1.0, (-87.0, 89.0), wide=False)
    return _f(1.0) / (_f(1.0) + power)


def tanh(x: Any) -> Any:
    """6 ulp; the rational function is Eigen's."""

    def ratio(x: Any) -> Any:
        def value(z: Any) -> Any:
            p = _poly(
                z,
                -2.76076847742355e-16,
                2.00018790482477e-13,
                -8.60467152213735e-11,
                5.12229709037114e-08,
                1.48572235717979e-05,
                6.37261928875436e-04,
                4.89352455891786e-03,
            )
            q = _poly(
                z,
                1.19825839466702e-06,
                1.18534705686654e-04,
                2.26843463243900e-03,
                4.89352518554385e-03,
            )
            return x * p / q

        return _let(x * x, value)

    bounded = _let(_clamp(x, -7.90531110763549805, 7.90531110763549805), ratio)
    return _select(_abs(x) < _f(0.0004), x, bounded)


def erf(x: Any) -> Any:
    """10 ulp; the rational function is Eigen's."""

    def ratio(x: Any) -> Any:
        def value(z: Any) -> Any:
            p = _poly(
                z,
                -2.72614225801306e-10,
                2.77068142495902e-08,
                -2.10102402082508e-06,
                -5.69250639462346e-05,
                -7.34990630326855e-04,
                -2.95459980854025e-03,
                -1.60960333262415e-02,
            )
            q = _poly(
                z,
                -1.45660718464996e-05,
                -2.13374055278905e-04,
                -1.68282697438203e-03,
                -7.37332916720468e-03,
                -1.42647390514189e-02,
            )
            return x * p / q

        return _let(_clamp(x * x, 0.0, 16.0), value)

    return _let(_let(x, ratio), lambda y: _clamp(y, -1.0, 1.0))


def sin(x: Any) -> Any:
    """2 ulp up to 2^30, NaN beyond; the polynomial is Cephes sinf, reduced in float64."""
    return _reduced(x, lambda r, n: _quadrant(r, n, 0))


def cos(x: Any) -> Any:
    """2 ulp up to 2^30, NaN beyond; the polynomial is Cephes cosf, reduced in float64."""
    return _reduced(x, lambda r, n: _quadrant(r, n, 1))


def tan(x: Any) -> Any:
    """4 ulp; the quotient of `sin` and `cos`."""
    return _reduced(x, lambda r, n: _quadrant(r, n, 0) / _quadrant(r, n, 1))


def _reduced(x: Any, function: Function) -> Any:
    """Call `function(r, n)` with x = r + q · pi/2, |r| <= pi/4 and n = q mod 4.

    Beyond 2^30 the result is NaN: a float32 there stands for more than a turn.
    """

    def turns(y: Any) -> Any:
        return _let(
            round_even(y * _f(2.0 / math.pi, "float64")),
            lambda q: _bound(
                [
                    cast(
                        y
                        - q * _f(1.5707963267341256, "float64")
                        - q * _f(6.077100506506192e-11, "float64"),
                        "float32",
                    ),
                    cast(q - tirx.floor(q * _f(0.25, "float64")) * _f(4.0, "float64"), "float32"),
                ],
                function,
            ),
        )

    inside = _select(_abs(x) < _f(2.0**30), x, _f(math.nan))
    return _let(cast(inside, "float64"), turns)


def _quadrant(r: Any, n: Any, ahead: int) -> Any:
    """Return sin(r + (n + ahead) · pi/2)."""

    def value(z: Any) -> Any:
        sine = _poly(z, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1) * z * r + r
        cosine = _poly(z, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
        cosine = cosine * z * z - z * _f(0.5) + _f(1.0)
        odd = tirx.any(tirx.EQ(n, _f(1.0)), tirx.EQ(n, _f(3.0)))
        upper = n > _f(1.5) if ahead == 0 else tirx.all(n > _f(0.5), n < _f(2.5))
        chosen = _select(odd, cosine, sine) if ahead == 0 else _select(odd, sine, cosine)
        return _let(chosen, lambda c: _select(upper, -c, c))

    return _let(r * r, value)


def atan(x: Any) -> Any:
    """2 ulp; the polynomial is Cephes atanf."""

    def body(a: Any) -> Any:
        large, middle = a > _f(2.414213562373095), a > _f(0.4142135623730950)
        reduced = _select(large, _f(-1.0) / a, _select(middle, (a - _f(1.0)) / (a + _f(1.0)), a))
        base = _select(large, _f(math.pi / 2), _select(middle, _f(math.pi / 4), _f(0.0)))

        def value(r: Any) -> Any:
            z = r * r
            p = _poly(z, 8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)
            return base + (p * z * r + r)

        return _signed(_let(reduced, value), x)

    return _let(_abs(x), body)


def atan2(y: Any, x: Any) -> Any:
    """4 ulp; through `atan`, with IEEE's angles where both are zero or infinite."""
    infinite = tirx.all(tirx.EQ(_abs(x), _f(math.inf)), tirx.EQ(_abs(y), _f(math.inf)))
    zero = tirx.all(tirx.EQ(x, _f(0.0)), tirx.EQ(y, _f(0.0)))
    quotient = _select(zero, _f(0.0), _select(infinite, _f(1.0), _abs(y) / _abs(x)))
    # The sign bit tells -0 from 0, as an angle on the negative axis needs.
    behind = _bits(x) < _i(0)
    angle = _let(atan(quotient), lambda a: _select(behind, _f(math.pi) - a, a))
    return _signed(angle, y)


def asin(x: Any) -> Any:
    """3 ulp; the polynomial is Cephes asinf."""

    def body(a: Any) -> Any:
        outer = a > _f(0.5)
        part = _select(outer, tirx.sqrt((_f(1.0) - a) * _f(0.5)), a)

        def value(r: Any) -> Any:
            return _let(_asin_part(r), lambda p: _select(outer, _f(math.pi / 2) - (p + p), p))

        return _signed(_let(part, value), x)

    return _let(_abs(x), body)


def acos(x: Any) -> Any:
    """3 ulp; the polynomial is Cephes asinf."""

    def body(a: Any) -> Any:
        outer = a > _f(0.5)
        part = _select(outer, tirx.sqrt((_f(1.0) - a) * _f(0.5)), x)

        def value(p: Any) -> Any:
            twice = p + p
            far = _select(x < _f(0.0), _f(math.pi) - twice, twice)
            return _select(outer, far, _f(math.pi / 2) - p)

        return _let(part, lambda r: _let(_asin_part(r), value))

    return _let(_abs(x), body)


def _asin_part(r: Any) -> Any:
    def value(z: Any) -> Any:
        p = _poly(
            z, 4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1
        )
        return p * z * r + r

    return _let(r * r, value)


def sinh(x: Any) -> Any:
    """4 ulp; the polynomial is Cephes sinhf."""

    def body(a: Any) -> Any:
        def small(z: Any) -> Any:
            p = _poly(z, 2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1)
            return p * z * a + a

        large = _let(_half_exp(a), lambda e: e - _f(0.25) / e)
        return _signed(_select(a > _f(1.0), large, _let(a * a, small)), x)

    return _let(_abs(x), body)


def cosh(x: Any) -> Any:
    """4 ulp; through `exp`."""
    return _let(_half_exp(_abs(x)), lambda e: e + _f(0.25) / e)


def asinh(x: Any) -> Any:
    """4 ulp; through `log1p`."""

    def body(a: Any) -> Any:
        near = log1p(a + a * a / (_f(1.0) + tirx.sqrt(a * a + _f(1.0))))
        return _signed(_select(a > _f(1e9), log(a) + _f(LN2), near), x)

    return _let(_abs(x), body)


def acosh(x: Any) -> Any:
    """4 ulp; through `log1p`."""

    def body(t: Any) -> Any:
        near = log1p(t + tirx.sqrt(t * t + t + t))
        value = _select(x > _f(1e9), log(x) + _f(LN2), near)
        return _select(x < _f(1.0), _f(math.nan), value)

    return _let(x - _f(1.0), body)


def atanh(x: Any) -> Any:
    """4 ulp; through `log1p`."""

    def body(a: Any) -> Any:
        return _signed(log1p((a + a) / (_f(1.0) - a)) * _f(0.5), x)

    return _let(_abs(x), body)


def power(x: Any, y: Any) -> Any:
    """1 ulp; computed as 2^(y · log2 |x|) in float64, to about 1e-10."""
    whole = {
        1.0: lambda: x,
        2.0: lambda: x * x,
        3.0: lambda: x * x * x,
        4.0: lambda: _square(x * x),
    }
    roots = {0.5: lambda: tirx.sqrt(x), -0.5: lambda: rsqrt(x), -1.0: lambda: _f(1.0) / x}
    if isinstance(y, tirx.FloatImm) and y.value in whole:
        return whole[y.value]()
    if isinstance(y, tirx.FloatImm) and y.value in roots:
        return roots[y.value]()

    def value(a: Any) -> Any:
        wide = cast(y, "float64") * _log2_wide(a)
        return _let(_exp2_wide(wide), lambda r: _power_ends(x, y, a, r))

    return _let(_abs(x), value)


def _square(x: Any) -> Any:
    return _let(x, lambda y: y * y)


def _log2_wide(a: Any) -> Any:
    """Return log2 of a >= 0 in float64: its bits' exponent, and atanh's series for the rest."""

    def value(b: Any, shift: Any) -> Any:
        mantissa = cast(_float((b & _i(0x007FFFFF)) + _i(0x3F3504F3)), "float64")
        exponent = cast(b >> _i(23), "float64") - shift

        def series(s: Any) -> Any:
            odd = [2.0 * LOG2E / n for n in (13, 11, 9, 7, 5, 3, 1)]
            return exponent + _let(s * s, lambda z: _poly(z, *odd)) * s

        one = _f(1.0, "float64")
        return _let(mantissa, lambda m: _let((m - one) / (m + one), series))

    small = a < _f(1.1754943508222875e-38)
    grown = _select(small, a * _f(8388608.0), a)
    shift = _select(small, _f(23.0, "float64"), _f(0.0, "float64"))
    finite = _bound([_bits(grown) - _i(0x3F3504F3), shift], value)
    infinity = _f(math.inf, "float64")
    end = _select(tirx.EQ(a, _f(0.0)), -infinity, cast(a, "float64"))
    return _select(tirx.all(a > _f(0.0), a < _f(math.inf)), finite, end)


def _exp2_wide(x: Any) -> Any:
    """Return 2^x, a float64, as float32: Taylor's series after taking off the nearest integer."""

    def clamped(x: Any) -> Any:
        low, high = _f(-160.0, "float64"), _f(130.0, "float64")
        return _select(x < low, low, _select(x > high, high, x))

    def value(x: Any) -> Any:
        def parts(n: Any) -> Any:
            terms = [1.0]
            for k in range(1, 10):
                terms.insert(0, terms[0] * LN2 / k)
            # Not a number has no integer part: any will do, since the result is NaN.
            whole = cast(_select(tirx.Not(_is_nan(n)), n, _f(0.0, "float64")), "int32")
            return _let(
                cast(_poly(x - n, *terms), "float32"),
                lambda m: _let(whole, lambda w: _ldexp(m, w)),
            )

        return _let(round_even(x), parts)

    return _let(x, lambda y: _let(clamped(y), value))


def _power_ends(x: Any, y: Any, a: Any, r: Any) -> Any:
    """Give a power its sign, and its value where the logarithm is of no use."""
    one = _f(1.0)
    magnitude = _select(tirx.any(tirx.EQ(y, _f(0.0)), tirx.EQ(a, one)), one, r)
    whole = tirx.EQ(tirx.floor(y), y)
    odd = tirx.all(whole, tirx.NE(tirx.floor(y * _f(0.5)) * _f(2.0), y))
    negative = _bits(x) < _i(0)

    def value(m: Any) -> Any:
        turned = _select(tirx.all(negative, odd), -m, m)
        undefined = tirx.all(x < _f(0.0), tirx.Not(whole), a < _f(math.inf))
        unknown = tirx.any(
            tirx.all(_is_nan(x), _is_nan(y)),
            tirx.all(_is_nan(x), tirx.NE(y, _f(0.0))),
            tirx.all(_is_nan(y), tirx.NE(x, one)),
        )
        return _select(tirx.any(undefined, unknown), _f(math.nan), turned)

    return _let(magnitude, value)


def rsqrt(x: Any) -> Any:
    """1 ulp."""
    return _f(1.0, dtype(x)) / tirx.sqrt(x)


def hypot(x: Any, y: Any) -> Any:
    """1 ulp; squared in float64, where nothing overflows."""

    def value(a: Any, b: Any) -> Any:
        infinite = tirx.any(tirx.EQ(_abs(x), _f(math.inf)), tirx.EQ(_abs(y), _f(math.inf)))
        return _select(infinite, _f(math.inf), cast(tirx.sqrt(a * a + b * b), "float32"))

    return _bound([cast(v, "float64") for v in (x, y)], value)


def fmod(x: Any, y: Any) -> Any:
    """Exact while the quotient is below 2^53."""

    def value(a: Any, b: Any) -> Any:
        unchanged = tirx.all(tirx.EQ(_abs(y), infinity), _abs(x) < infinity)
        return _select(unchanged, x, cast(a - tirx.trunc(a / b) * b, "float32"))

    infinity = _f(math.inf)
    return _bound([cast(x, "float64"), cast(y, "float64")], value)


FLOAT32: Mapping[str, Function] = MappingProxyType(
    {
        "exp": exp,
        "exp2": exp2,
        "exp10": exp10,
        "log": log,
        "log2": log2,
        "log10": log10,
        "log1p": log1p,
        "sigmoid": sigmoid,
        "tanh": tanh,
        "erf": erf,
        "sin": sin,
        "cos": cos,
        "tan": tan,
        "atan": atan,
        "atan2": atan2,
        "asin": asin,
        "acos": acos,
        "sinh": sinh,
        "cosh": cosh,
        "asinh": asinh,
        "acosh": acosh,
        "atanh": atanh,
        "pow": power,
        "hypot": hypot,
        "fmod": fmod,
    }
)
"""By the name of the intrinsic: what replaces it where it is of float32."""

EXTERN: Mapping[str, Function] = MappingProxyType({"exp_to_one": exp_to_one})
"""By name: functions of float32 that TIR has no intrinsic for."""

ANY_FLOAT: Mapping[str, Function] = MappingProxyType(
    {
        "rsqrt": rsqrt,
        "isnan": _is_nan,
        "isinf": lambda x: tirx.any(
            tirx.EQ(x, _f(math.inf, dtype(x))), tirx.EQ(x, _f(-math.inf, dtype(x)))
        ),
        "isfinite": lambda x: tirx.all(x < _f(math.inf, dtype(x)), x > _f(-math.inf, dtype(x))),
        "round": round_even,
        "nearbyint": round_even,
    }
)
"""By the name of the intrinsic: what replaces it for any float."""

NEVER = frozenset({"nextafter", "ldexp", "logaddexp", "clz", "q_multiply_shift"})
"""Intrinsics that no model in reach uses, and that there is no code for."""
