"""What must hold of a program behind each stage.

A failure is a defect of the compiler, so it raises VerifierError, and the message is for its
engineers: which stage, and what is wrong with what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pyjsml.addresses import addresses
from pyjsml.dims import evaluate, names, product
from pyjsml.errors import VerifierError
from pyjsml.program import ISAS, Block, Op, Program

WASM_MAGIC = b"\0asm\x01\0\0\0"

Rule = Callable[[Program], Iterator[str]]


def verify(stage: str, program: Program) -> Program:
    """Return `program` if it is what `stage` promises, or raise VerifierError."""
    breaches = [breach for rule in RULES[stage] for breach in rule(program)]
    if breaches:
        raise VerifierError(f"malformed program after {stage}:\n  - " + "\n  - ".join(breaches))
    return program


def _params_match(program: Program) -> Iterator[str]:
    main = program.module["main"]
    inputs = len(program.signature.inputs)
    if int(main.attrs["num_input"]) != inputs:
        yield f"main has num_input {main.attrs['num_input']}, the signature {inputs} inputs"
    params = main.params[inputs:]
    if len(params) != len(program.constants):
        yield f"main has {len(params)} weights, and there are {len(program.constants)} constants"
        return
    for param, (name, array) in zip(params, program.constants.items(), strict=True):
        shape = tuple(int(size) for size in param.ty.shape)
        if (shape, str(param.ty.dtype)) != (array.shape, str(array.dtype)):
            yield f"{name} is {array.dtype}{array.shape}, its param {param.ty.dtype}{shape}"


def _calls_functions_only(program: Program) -> Iterator[str]:
    for block in program.module["main"].body.blocks:
        for binding in block.bindings:
            operator = getattr(getattr(binding.value, "op", None), "name", "")
            if operator not in ("", "relax.call_tir", "relax.reshape"):
                yield f"{binding.var.name} calls {operator}"


def _values_are_defined(program: Program) -> Iterator[str]:
    graph = program.graph
    dims = {dim.name for dim in program.signature.dims}
    defined: set[str] = set()
    for block in (graph.load, graph.main):
        defined.update(block.inputs)
        for op in block.ops:
            yield from (
                f"{op.name} reads {name} too early" for name in op.inputs if name not in defined
            )
            yield from (f"{op.name} writes {name} again" for name in op.outputs if name in defined)
            defined.update(op.outputs)
            used = {name for expr in op.dims for name in names(expr)}
            yield from (f"{op.name} has an unknown dim {name}" for name in sorted(used - dims))
        yield from (
            f"{block.name} gives {name}, undefined" for name in block.outputs if name not in defined
        )
    for name in defined.symmetric_difference(graph.values):
        yield f"{name} is not both a value and defined"


def _ops_are_whole(program: Program) -> Iterator[str]:
    seen: set[str] = set()
    for op in _ops(program):
        if op.name in seen:
            yield f"two ops are called {op.name}"
        seen.add(op.name)
        if op.kind == "view":
            yield from _view_keeps_bytes(program, op)
        elif op.kernel not in program.functions and not op.blocks:
            yield f"{op.name} calls {op.kernel or 'nothing'}, which is no function"


def _view_keeps_bytes(program: Program, op: Op) -> Iterator[str]:
    source, result = (program.graph.values[name] for name in (*op.inputs, *op.outputs))
    for size in (2, 7):
        binding = {dim.name: max(size, dim.min) for dim in program.signature.dims}
        counts = [evaluate(product(value.shape), binding) for value in (source, result)]
        if counts[0] != counts[1] or source.dtype != result.dtype:
            yield f"{op.name} views {source.shape} {source.dtype} as {result.shape} {result.dtype}"


def _kernels_match(program: Program) -> Iterator[str]:
    for isa in ISAS:
        if not program.wasm.get(isa, b"").startswith(WASM_MAGIC):
            yield f"there is no wasm for {isa}"
    for op in _ops(program):
        kernel = program.kernels.get(op.kernel)
        if op.kernel and kernel is None:
            yield f"{op.name} calls {op.kernel}, which was not compiled"
        elif kernel is not None and len(kernel.dims) != len(op.dims):
            counts = f"{len(op.dims)} dims, and takes {len(kernel.dims)}"
            yield f"{kernel.name} is given {counts}, by {op.name}"


def _steps_follow_dependencies(program: Program) -> Iterator[str]:
    graph, schedule = program.graph, program.schedule
    ready: set[str] = set(graph.main.inputs)
    for block, steps in ((graph.load, schedule.load), (graph.main, schedule.main)):
        ops = {op.name: op for op in block.ops}
        called = [step.target for step in steps if step.kind == "call"]
        if sorted(called) != sorted(ops):
            yield f"{block.name} calls other ops than it has"
            continue
        for step in steps:
            inputs = ops[step.target].inputs if step.kind == "call" else ()
            outputs = ops[step.target].outputs if step.kind == "call" else (step.target,)
            yield from (f"{step.target} runs before {name}" for name in inputs if name not in ready)
            ready.update(outputs)


def _values_keep_their_bytes(program: Program) -> Iterator[str]:
    """Play the steps on an imaginary memory: each op must find its inputs as they were written."""
    unplaced = set(program.graph.values) - set(program.schedule.placements)
    if unplaced:
        yield f"values without a place: {', '.join(sorted(unplaced))}"
        return
    for size in (1, 5, 129):
        binding = {
            dim.name: min(max(size, dim.min), dim.max or size) for dim in program.signature.dims
        }
        plan = addresses(program.graph.values, program.schedule.placements, binding)
        base = plan.regions["persistent"]
        where = {
            name: plan.offsets[name] + (0 if placement.region == "persistent" else base)
            for name, placement in program.schedule.placements.items()
        }
        yield from _play(program, where, plan.sizes)


def _play(program: Program, where: Mapping[str, int], sizes: Mapping[str, int]) -> Iterator[str]:
    alive: dict[str, tuple[int, int]] = {}

    def write(name: str) -> None:
        start, end = where[name], where[name] + sizes[name]
        for other, (begin, stop) in list(alive.items()):
            if begin < end and start < stop:
                del alive[other]
        alive[name] = (start, end)

    graph, schedule = program.graph, program.schedule
    for block, steps in ((graph.load, schedule.load), (graph.main, schedule.main)):
        ops = {op.name: op for op in block.ops}
        for name in block.inputs if block.name == "main" else ():
            write(name)
        for step in steps:
            if step.kind == "read":
                write(step.target)
                continue
            op = ops[step.target]
            for name in op.inputs:
                if name not in alive:
                    yield f"{op.name} reads {name}, whose bytes were overwritten"
            if op.kind == "view":
                # It writes nothing, so that other views of the same bytes stay as they are.
                if where[op.outputs[0]] != where[op.inputs[0]]:
                    yield f"{op.name} does not lie where {op.inputs[0]} does"
                start = where[op.outputs[0]]
                alive[op.outputs[0]] = (start, start + sizes[op.outputs[0]])
                continue
            for name in op.outputs:
                write(name)
        for name in block.outputs:
            if name not in alive:
                yield f"{block.name} gives {name}, whose bytes were overwritten"


def _ops(program: Program) -> Iterator[Op]:
    blocks: tuple[Block, ...] = (program.graph.load, program.graph.main)
    for block in blocks:
        yield from block.ops


RULES: Mapping[str, tuple[Rule, ...]] = {
    "load": (_params_match,),
    "optimize": (_params_match, _calls_functions_only),
    "lower": (_values_are_defined, _ops_are_whole),
    "compile": (_kernels_match,),
    "schedule": (_steps_follow_dependencies, _values_keep_their_bytes),
}
