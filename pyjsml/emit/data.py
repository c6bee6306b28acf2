"""Turn a scheduled program into the runtime's `ModelData` (js/src/data.ts), as plain JSON values.

Fields that hold their default are left out: the runtime supplies it, and the page need not load it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyjsml.bundle import FORMAT_VERSION
from pyjsml.dims import Expr, substitute, to_json
from pyjsml.errors import VerifierError
from pyjsml.program import (
    Kernel,
    Op,
    Origin,
    Placement,
    Program,
    Step,
    TensorSpec,
    Value,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class ModelJson:
    """`ModelData` without its files, entry by entry, so that each can have a line of its own."""

    format_version: int
    name: str
    dims: tuple[Json, ...]
    inputs: tuple[Json, ...]
    outputs: tuple[Json, ...]
    values: tuple[Json, ...]
    ops: tuple[Json, ...]
    load: tuple[list[Any], ...]
    main: tuple[list[Any], ...]


def model_json(program: Program) -> ModelJson:
    """Describe `program`, which has passed the `schedule` stage."""
    graph, schedule = program.graph, program.schedule
    values = {name: index for index, name in enumerate(graph.values)}
    ops = (*graph.load.ops, *graph.main.ops)
    numbers = {op.name: index for index, op in enumerate(ops)}
    signature = program.signature
    return ModelJson(
        format_version=FORMAT_VERSION,
        name=program.name,
        dims=tuple({"name": dim.name, "min": dim.min, "max": dim.max} for dim in signature.dims),
        inputs=_ports(signature.inputs, graph.main.inputs, values),
        outputs=_ports(signature.outputs, graph.main.outputs, values),
        values=tuple(
            _value(value, schedule.placements[name], values) for name, value in graph.values.items()
        ),
        ops=tuple(_op(op, program, values) for op in ops),
        load=tuple(_step(step, values, numbers) for step in schedule.load),
        main=tuple(_step(step, values, numbers) for step in schedule.main),
    )


def _ports(
    specs: Sequence[TensorSpec], names: Sequence[str], values: Mapping[str, int]
) -> tuple[Json, ...]:
    for name, count in Counter(spec.name for spec in specs).items():
        if count > 1:
            raise VerifierError(f"{name} occurs twice among the inputs or outputs")
    # A block's inputs begin with the model's own.
    return tuple(
        {
            "name": spec.name,
            "dtype": spec.dtype,
            "shape": [to_json(dim) for dim in spec.shape],
            "value": values[name],
        }
        for spec, name in zip(specs, names, strict=False)
    )


def _value(value: Value, placement: Placement, values: Mapping[str, int]) -> Json:
    return {
        "name": value.name,
        "dtype": value.dtype,
        "shape": [to_json(dim) for dim in value.shape],
        "region": placement.region,
        **_given(
            after=[values[name] for name in placement.after],
            alias=values[placement.alias] if placement.alias else None,
            constant=value.constant,
            node=value.node,
            layout=list(value.layout),
        ),
    }


def _op(op: Op, program: Program, values: Mapping[str, int]) -> Json:
    if op.blocks:
        raise VerifierError(f"op {op.name} holds blocks, which a bundle's data can't describe")
    kernels = program.kernels
    extent, rounds, flops = _work(op, kernels[op.kernel]) if op.kernel else (0, 1, 0)
    return {
        "name": op.name,
        "kind": op.kind,
        **_given(kernel=op.kernel),
        "inputs": [values[name] for name in op.inputs],
        "outputs": [values[name] for name in op.outputs],
        **_given(
            dims=[to_json(dim) for dim in op.dims],
            extent=to_json(extent),
            rounds=to_json(rounds) if rounds != 1 else 0,
            flops=to_json(flops),
            dots=bool(op.kernel) and kernels[op.kernel].dots,
            shader=op.kernel if op.kernel in program.shaders else "",
        ),
        "origins": [_origin(origin) for origin in op.origins],
    }


def _work(op: Op, kernel: Kernel) -> tuple[Expr, Expr, Expr]:
    """Return extent, rounds and flops of one call, over the model's dims, not the kernel's own."""
    arguments = dict(zip(kernel.dims, op.dims, strict=True))
    extent, rounds, flops = (
        substitute(expr, arguments) for expr in (kernel.extent, kernel.rounds, kernel.flops)
    )
    return extent, rounds, flops


def _origin(origin: Origin) -> Json:
    return {
        "node": origin.node,
        **_given(kind=origin.kind, module=origin.module, source=origin.source),
    }


def _step(step: Step, values: Mapping[str, int], ops: Mapping[str, int]) -> list[Any]:
    return [step.kind, values[step.target] if step.kind == "read" else ops[step.target]]


def _given(**entries: Any) -> Json:
    """Keep the entries that differ from the runtime's defaults; 0 is one, but not as an index."""
    return {
        name: entry
        for name, entry in entries.items()
        if entry or (name == "alias" and entry is not None)
    }
