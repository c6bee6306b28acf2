"""What the compile stage hands on: modules that stand alone, and kernels that say what they are."""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from tvm import te, tirx, topi

from pyjsml.codegen import compile as compile_program
from pyjsml.codegen.link import link
from pyjsml.dims import evaluate
from pyjsml.errors import EngineUnavailableError, UnsupportedOpError
from pyjsml.kernels.ops.matmul import matmul
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.kernels.tir.signature import symbolic_dims
from pyjsml.program import ISAS, Block, Graph, Op, Origin, Program, Signature, Value
from tests.ops.functions import from_te
from tests.ops.machine import Compiled, Machine

RELAXED_MADD = b"\xfd\x85\x02"


def program_of(function: Any, inputs: int = 1) -> Program:
    """Return a lowered program of one op that calls `function`."""
    names = [f"x{number}" for number in range(inputs)]
    values = {name: Value(name, "float32", ("n", 4)) for name in [*names, "y"]}
    op = Op("y", "thing", tuple(names), ("y",), "thing_0", ("n",), (Origin("node_7"),))
    graph = Graph(
        MappingProxyType(values),
        Block("load", (), (), ()),
        Block("main", tuple(names), ("y",), (op,)),
    )
    return Program(
        "model",
        Signature((), ()),
        None,
        {},
        lowered=graph,
        functions=MappingProxyType({"thing_0": function}),
    )


def doubled() -> Any:
    return from_te(lambda x: te.compute(x.shape, lambda i, j: x[i, j] * 2.0, "y"), ("n", 4))


def sections(wasm: bytes) -> dict[int, bytes]:
    """Split a module into its sections by their number."""
    found = {}
    position = 8
    while position < len(wasm):
        number, position = wasm[position], position + 1
        size = shift = 0
        while True:
            byte, position = wasm[position], position + 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found[number] = wasm[position : position + size]
        position += size
    return found


def test_a_module_imports_its_memory_and_nothing_else() -> None:
    program = compile_program(program_of(doubled()))
    for isa in ISAS:
        imports = sections(program.wasm[isa])[2]
        assert imports[0] == 1
        assert imports.startswith(b"\x01\x03env\x06memory\x02")
        exports = sections(program.wasm[isa])[7]
        for name in (b"thing_0", b"__heap_base", b"__stack_pointer"):
            assert name in exports


def test_the_same_program_gives_the_same_bytes() -> None:
    first, second = (compile_program(program_of(doubled())) for _ in range(2))
    assert first.wasm == second.wasm


def test_only_the_relaxed_module_has_relaxed_opcodes() -> None:
    product = from_te(lambda a, w: matmul(a, w, 8), (4, 5), (1, 5, 8))
    simd128, relaxed = (Compiled({"product": product}, isa).wasm for isa in ISAS)
    assert RELAXED_MADD in relaxed
    assert RELAXED_MADD not in simd128


def test_progress_counts_up_to_the_total() -> None:
    told: list[tuple[int, int]] = []
    compile_program(program_of(doubled()), lambda *told_now: told.append(told_now))
    assert told == [(0, 4), (2, 4), (3, 4), (4, 4)]


def test_a_kernel_knows_its_dims_extent_and_work() -> None:
    kernel = compile_program(program_of(doubled())).kernels["thing_0"]
    assert kernel.dims == ("n",)
    assert evaluate(kernel.flops, {"n": 6}) == 24
    assert kernel.inplace == ((0, 0),)


def test_dims_come_in_the_order_of_their_first_appearance() -> None:
    function = from_te(
        lambda x, y: te.compute((y.shape[1], x.shape[0]), lambda i, j: x[j, 0] + y[0, i], "z"),
        ("b", "a"),
        ("a", "c"),
    )
    assert [dim.name for dim in symbolic_dims(function)] == ["b", "a", "c"]


def test_expressions_round_as_tir_does() -> None:
    n = tirx.Var("n", "int64")
    panels = to_expr(tirx.floordiv(n + 7, 8) * tirx.max(n - 3, 2), {n: "n"})
    assert [evaluate(panels, {"n": size}) for size in (1, 8, 9)] == [2, 5, 12]


def test_memory_that_a_kernel_borrows_is_a_further_output() -> None:
    def define(x: Any) -> Any:
        # A sort's worth of state: the prefix sums of a scan, read in another order.
        sums = topi.cumsum(x, 1)
        return te.compute(x.shape, lambda i, j: sums[i, 3 - j] + x[i, j], "y")

    function = from_te(define, ("n", 4))
    program = compile_program(program_of(function))
    (op,) = program.graph.main.ops
    assert op.outputs == ("y", "y_workspace")
    workspace = program.graph.values["y_workspace"]
    assert workspace.dtype == "uint8"
    assert [evaluate(size, {"n": 3}) for size in workspace.shape] == [48]
    pytest.importorskip("py_mini_racer")
    machine = Machine(Compiled({"scan": function}, "simd128"))
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    (found,) = machine.run("scan", [x], [((3, 4), "float32")], [3])
    machine.close()
    np.testing.assert_array_equal(found, x.cumsum(1)[:, ::-1] + x)


def test_functions_of_foreign_runtimes_are_refused_with_their_origin() -> None:
    def define(x: Any) -> Any:
        return topi.argsort(x, axis=1)

    with pytest.raises(UnsupportedOpError, match=r"sort.* in thing \(1×\): node_7"):
        compile_program(program_of(from_te(define, ("n", 4))))


def test_functions_that_float32_has_and_float64_lacks_are_refused() -> None:
    function = from_te(
        lambda x: te.compute(x.shape, lambda i, j: tirx.tanh(x[i, j]), "y"),
        ("n", 4),
        dtype="float64",
    )
    with pytest.raises(UnsupportedOpError, match="tanh of float64"):
        compile_program(program_of(function))


def test_half_precision_is_refused() -> None:
    function = from_te(
        lambda x: te.compute(x.shape, lambda i, j: x[i, j] + x[i, j], "y"),
        ("n", 4),
        dtype="float16",
    )
    with pytest.raises(UnsupportedOpError, match="arithmetic of float16"):
        compile_program(program_of(function))


def test_a_model_without_kernels_links(tmp_path: Path) -> None:
    assert b"__heap_base" in link(tmp_path, {})


def test_a_missing_linker_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ziglang", None)
    with pytest.raises(EngineUnavailableError, match="pip install ziglang"):
        link(tmp_path, {})
