"""The kernels of a model whose parameters can be searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from pyjsml.dims import evaluate
from pyjsml.errors import OptionError
from pyjsml.kernels.describe import describe
from pyjsml.kernels.schedule import schedule
from pyjsml.kernels.shape_key import shape_key
from pyjsml.program import Program


@dataclass(frozen=True)
class Task:
    """A kernel, the sizes of its dims to time it at, and the work that all calls of it do then."""

    kernel: str
    func: tirx.PrimFunc
    dims: tuple[int, ...]
    flops: int


def tasks_of(programs: Iterable[Program], sizes: Mapping[str, int]) -> list[Task]:
    """Return the tasks of lowered programs, those first that do the most work.

    `sizes` are those of dims that vary; others are taken at their smallest. What has been packed
    once at load time is left out. Raises OptionError for a size that no program has or allows.
    """
    found: dict[str, Task] = {}
    known: set[str] = set()
    problems: list[str] = []
    for program in programs:
        binding = {dim.name: max(dim.min, 1) for dim in program.signature.dims}
        known |= binding.keys()
        for dim in program.signature.dims:
            size = sizes.get(dim.name, binding[dim.name])
            if size < dim.min or (dim.max is not None and size > dim.max):
                most = "any" if dim.max is None else dim.max
                problems.append(f"{dim.name} is {size}; it may be {dim.min} to {most}")
            binding[dim.name] = size
        for task in _tasks(program, binding):
            before = found.get(task.kernel)
            flops = task.flops + (before.flops if before else 0)
            found[task.kernel] = Task(task.kernel, task.func, task.dims, flops)
    problems += [f"there is no dim {name!r}" for name in sizes if name not in known]
    if problems:
        raise OptionError("the sizes do not fit the models:", problems)
    return sorted(found.values(), key=lambda task: (-task.flops, task.kernel))


def _tasks(program: Program, binding: dict[str, int]) -> Iterable[Task]:
    made: dict[str, Any] = {}
    for op in program.graph.main.ops:
        if op.kernel:
            if op.kernel not in made:
                scheduled = schedule(program.functions[op.kernel])
                tunable = scheduled.parameters is not None
                made[op.kernel] = (scheduled, describe(op.kernel, scheduled)) if tunable else None
            if made[op.kernel] is not None:
                scheduled, kernel = made[op.kernel]
                dims = tuple(evaluate(dim, binding) for dim in op.dims)
                work = evaluate(kernel.flops, dict(zip(kernel.dims, dims, strict=True)))
                func = program.functions[op.kernel]
                yield Task(shape_key(scheduled), func, dims, work)
