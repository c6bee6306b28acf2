"""Each rule of the verifier finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyjsml.errors import VerifierError
from pyjsml.program import Block, Op, Placement, Program, Schedule, Step
from pyjsml.verify import WASM_MAGIC, verify
from tests.support.tiny import tiny_dynamic_program


@pytest.fixture
def program() -> Program:
    """Return a program that passes every stage behind `optimize`."""
    tiny = tiny_dynamic_program()
    return replace(
        tiny,
        functions=dict.fromkeys(tiny.kernels),
        wasm=dict.fromkeys(tiny.wasm, WASM_MAGIC + b"..."),
    )


def with_main(program: Program, *ops: Op) -> Program:
    """Return `program` with other ops in its main block."""
    main = replace(program.graph.main, ops=ops)
    return replace(program, lowered=replace(program.graph, main=main))


def with_schedule(program: Program, **changes: object) -> Program:
    """Return `program` with parts of its schedule changed."""
    parts = {name: getattr(program.schedule, name) for name in ("load", "main", "placements")}
    return replace(program, scheduled=Schedule(**{**parts, **changes}))


@pytest.mark.parametrize("stage", ["lower", "compile", "schedule"])
def test_a_right_program_passes(stage: str, program: Program) -> None:
    assert verify(stage, program) is program


def test_an_op_that_reads_too_early(program: Program) -> None:
    multiply, view = program.graph.main.ops
    with pytest.raises(VerifierError, match="flatten reads mul too early"):
        verify("lower", with_main(program, view, multiply))


def test_an_op_that_writes_again(program: Program) -> None:
    multiply, view = program.graph.main.ops
    again = replace(multiply, name="again")
    with pytest.raises(VerifierError, match="again writes mul again"):
        verify("lower", with_main(program, multiply, again, view))


def test_two_ops_of_one_name(program: Program) -> None:
    multiply, view = program.graph.main.ops
    with pytest.raises(VerifierError, match="two ops are called mul"):
        verify("lower", with_main(program, multiply, replace(view, name="mul")))


def test_an_unknown_dim(program: Program) -> None:
    multiply, view = program.graph.main.ops
    with pytest.raises(VerifierError, match="mul has an unknown dim width"):
        verify("lower", with_main(program, replace(multiply, dims=("width",)), view))


def test_a_kernel_that_is_no_function(program: Program) -> None:
    with pytest.raises(VerifierError, match="mul calls scale, which is no function"):
        verify("lower", replace(program, functions={"copy": None}))


def test_a_view_of_another_size(program: Program) -> None:
    values = dict(program.graph.values)
    values["flatten"] = replace(values["flatten"], shape=("batch",))
    wrong = replace(program, lowered=replace(program.graph, values=values))
    with pytest.raises(VerifierError, match="flatten views"):
        verify("lower", wrong)


def test_a_result_that_nothing_computes(program: Program) -> None:
    main = Block("main", ("x",), ("nothing",), program.graph.main.ops)
    wrong = replace(program, lowered=replace(program.graph, main=main))
    with pytest.raises(VerifierError, match="main gives nothing, undefined"):
        verify("lower", wrong)


def test_missing_wasm(program: Program) -> None:
    with pytest.raises(VerifierError, match="no wasm for relaxed"):
        verify("compile", replace(program, wasm={"simd128": program.wasm["simd128"]}))


def test_a_kernel_that_was_not_compiled(program: Program) -> None:
    with pytest.raises(VerifierError, match="mul calls scale, which was not compiled"):
        verify("compile", replace(program, kernels={"copy": program.kernels["copy"]}))


def test_a_kernel_with_other_dims(program: Program) -> None:
    kernels = {**program.kernels, "scale": replace(program.kernels["scale"], dims=("n", "m"))}
    with pytest.raises(VerifierError, match="scale is given 1 dims, and takes 2, by mul"):
        verify("compile", replace(program, kernels=kernels))


def test_a_step_before_its_operands(program: Program) -> None:
    steps = (Step("call", "flatten"), Step("call", "mul"))
    with pytest.raises(VerifierError, match="flatten runs before mul"):
        verify("schedule", with_schedule(program, main=steps))


def test_an_op_that_is_never_called(program: Program) -> None:
    with pytest.raises(VerifierError, match="main calls other ops than it has"):
        verify("schedule", with_schedule(program, main=(Step("call", "mul"),)))


def test_a_value_without_a_place(program: Program) -> None:
    placements = {k: v for k, v in program.schedule.placements.items() if k != "mul"}
    with pytest.raises(VerifierError, match="without a place: mul"):
        verify("schedule", with_schedule(program, placements=placements))


def test_values_that_overlap_while_both_are_needed(program: Program) -> None:
    # The weight must outlive every run, so nothing of a run may lie where it is.
    placements = {**program.schedule.placements, "head.weight.packed": Placement("main")}
    with pytest.raises(VerifierError, match="whose bytes were overwritten"):
        verify("schedule", with_schedule(program, placements=placements))


def test_all_breaches_are_told_at_once(program: Program) -> None:
    with pytest.raises(VerifierError) as caught:
        verify("compile", replace(program, wasm={}, kernels={}))
    assert str(caught.value).count("\n  - ") == 4
