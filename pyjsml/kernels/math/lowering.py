"""Put arithmetic in the place of functions that WebAssembly has no instruction for."""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import ir, tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.math.exponential import times_sigmoid
from pyjsml.kernels.math.extremes import extreme_of, extreme_of_vectors
from pyjsml.kernels.math.functions import ANY_FLOAT, FLOAT32, own_function
from pyjsml.kernels.math.values import bound
from pyjsml.kernels.tir.emit import local, sequence
from pyjsml.kernels.tir.expression import call_name, dtype, is_if_then_else, substitute


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
            return extremes(bound(node.args[1:], own))
        if name in FLOAT32 and dtype(node) == "float32":
            return extremes(bound(node.args, FLOAT32[name]))
        if name in ANY_FLOAT and dtype(node.args[0]).startswith("float"):
            return extremes(bound(node.args, ANY_FLOAT[name]))
        return node

    def product(node: tirx.Mul, mutator: Any) -> Any:
        for factor, gate in ((node.a, node.b), (node.b, node.a)):
            if _is_sigmoid(gate):
                operands = [mutator.mutate(factor), mutator.mutate(gate.args[0])]
                return extremes(bound(operands, times_sigmoid))
        return mutator.default_mutate(node)

    def extremes(expr: Any) -> Any:
        return tvm_ffi.structural_mutate(expr, [((tirx.Max, tirx.Min), extreme)])

    def extreme(node: Any, mutator: Any) -> Any:
        node = mutator.default_mutate(node)
        if not dtype(node).startswith("float"):
            return node
        largest = isinstance(node, tirx.Max)
        vector = bool(lanes) and int(lanes[-1].extent) == LANES and dtype(node) == "float32"
        lowered = extreme_of_vectors if vector else extreme_of
        return bound([node.a, node.b], lambda a, b: lowered(a, b, largest))

    return tvm_ffi.structural_mutate(
        body,
        [
            (tirx.For, loop),
            (tirx.BufferStore, statement),
            (ir.Call, call),
            (tirx.Mul, product),
            ((tirx.Max, tirx.Min), extreme),
        ],
    )


def _is_sigmoid(expr: Any) -> bool:
    call = isinstance(expr, ir.Call)
    return call and call_name(expr) == "sigmoid" and dtype(expr) == "float32"


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
