"""What tuning has found reaches the kernels of a bundle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tvm_ffi

from pyjsml.codegen import Settings
from pyjsml.codegen import compile as compile_program
from pyjsml.codegen.tuned import schedules
from pyjsml.dims import evaluate
from pyjsml.kernels.database import Database, Row
from pyjsml.kernels.ops.matmul import matmul
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.schedule import schedule
from pyjsml.kernels.shape_key import shape_key
from pyjsml.program import Isa
from tests.ops.functions import from_te
from tests.ops.test_compile import program_of

FUNCTION = from_te(lambda x, w: matmul(x, w, 16), (64, 32), (2, 32, 8))
DEFAULT = schedule(FUNCTION)
KEY = shape_key(DEFAULT)


def row(isa: Isa, **changes: Any) -> Row:
    assert DEFAULT.parameters is not None
    return Row(KEY, isa, replace(DEFAULT.parameters, **changes), 2.0, 1.0, 1, "v8", "CPU")


def parameters(*rows: Row) -> list[Parameters | None]:
    return [made.parameters for made in schedules(FUNCTION, Database(rows)).values()]


def test_each_instruction_set_gets_its_own() -> None:
    assert parameters() == [DEFAULT.parameters] * 2
    assert parameters(row("simd128", unroll=4)) == [
        row("simd128", unroll=4).parameters,
        DEFAULT.parameters,
    ]


def test_rows_that_say_nothing_change_nothing() -> None:
    nothing = Row(KEY, "relaxed", None, 2.0, 2.0, 1, "v8", "CPU")
    other = replace(row("relaxed", rows=2), kernel="another")
    assert parameters(nothing, other) == [DEFAULT.parameters] * 2


def test_a_kernel_has_one_extent() -> None:
    two = row("relaxed", rows=2, block=4)
    both = schedules(FUNCTION, Database([two, row("simd128", unroll=4)]))
    assert [made.parameters for made in both.values()] == [two.parameters] * 2
    assert not tvm_ffi.structural_equal(both["relaxed"].extent, DEFAULT.extent)
    assert parameters(row("simd128", rows=2, block=4)) == [DEFAULT.parameters] * 2


def test_kernels_are_compiled_with_them() -> None:
    program = program_of(FUNCTION, inputs=2)
    plain = compile_program(program, settings=Settings(tuned=Database()))
    tuned = compile_program(program, settings=Settings(tuned=Database([row("relaxed", unroll=4)])))
    assert plain.wasm["simd128"] == tuned.wasm["simd128"]
    other = Database([row("relaxed", rows=2, block=4)])
    longer = compile_program(program, settings=Settings(tuned=other))
    extents = [evaluate(made.kernels["thing_0"].extent, {}) for made in (plain, longer)]
    assert extents[0] < extents[1]
    assert plain.wasm["relaxed"] != longer.wasm["relaxed"]
    assert plain.wasm["simd128"] != longer.wasm["simd128"]
