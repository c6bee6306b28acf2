"""A program as text, the same for the same program: for people, and for golden files."""

from __future__ import annotations

from collections.abc import Iterator

from pyjsml.dims import Shape, format_shape
from pyjsml.program import Block, Op, Placement, Program, Signature, Step, Value


def dump(program: Program) -> str:
    """Return `program` as its last stage left it, one thing a line."""
    return "\n".join(_lines(program)) + "\n"


def _lines(program: Program) -> Iterator[str]:
    yield f"program {program.name}"
    yield from _signature(program.signature)
    yield ""
    for name, array in program.constants.items():
        yield f"constant {name}: {_type(str(array.dtype), array.shape)}"
    yield ""
    if program.lowered is None:
        yield str(program.module.script(show_meta=False)).rstrip()
        return
    yield from _block(program, program.graph.load)
    yield from _block(program, program.graph.main)
    for name, kernel in program.kernels.items():
        takes = f"({', '.join(kernel.dims)})" if kernel.dims else ""
        inplace = "".join(f" {source}→{result}" for source, result in kernel.inplace)
        yield f"kernel {name}{takes}: extent {kernel.extent}, flops {kernel.flops}" + (
            f", in place{inplace}" if inplace else ""
        )
    for name, shader in program.shaders.items():
        yield f"shader {name}: {len(shader.passes)} passes, {len(shader.temps)} temporaries"
    for name, reason in program.unshaded.items():
        yield f"no shader {name}: {reason}"
    for isa, wasm in program.wasm.items():
        yield f"wasm {isa}: {len(wasm)} bytes"
    if program.scheduled is not None:
        yield ""
        yield f"load steps: {_steps(program.schedule.load)}"
        yield f"main steps: {_steps(program.schedule.main)}"
        for name, placement in program.schedule.placements.items():
            yield f"place {name}: {_placement(placement)}"


def _signature(signature: Signature) -> Iterator[str]:
    for kind, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for spec in specs:
            yield f"{kind} {spec.name}: {_type(spec.dtype, spec.shape)}"
    for dim in signature.dims:
        yield f"dim {dim.name}: {dim.min} to {'any' if dim.max is None else dim.max}"


def _block(program: Program, block: Block) -> Iterator[str]:
    yield f"block {block.name}({', '.join(block.inputs)}):"
    for op in block.ops:
        yield f"  {_op(program, op)}"
        if op.origins:
            yield f"    from {', '.join(dict.fromkeys(str(origin) for origin in op.origins))}"
    yield f"  return {', '.join(block.outputs)}"
    yield ""


def _op(program: Program, op: Op) -> str:
    results = ", ".join(_value(program.graph.values[name]) for name in op.outputs)
    called = op.kernel or op.kind
    dims = f" dims {', '.join(map(str, op.dims))}" if op.dims else ""
    return f"{results} = {called}({', '.join(op.inputs)}){dims}"


def _value(value: Value) -> str:
    layout = f" = {value.node}{list(value.layout) if value.layout else ''}" if value.node else ""
    return f"{value.name}: {_type(value.dtype, value.shape)}{layout}"


def _type(dtype: str, shape: Shape) -> str:
    return f"{dtype} {format_shape(shape)}"


def _steps(steps: tuple[Step, ...]) -> str:
    return " ".join(step.target if step.kind == "call" else f"<{step.target}" for step in steps)


def _placement(placement: Placement) -> str:
    if placement.alias:
        return f"{placement.region}, = {placement.alias}"
    return f"{placement.region}, after {', '.join(placement.after) or 'nothing'}"
