"""The order of steps."""

from __future__ import annotations

from pyjsml.program import Op, Program, Step


def load_steps(program: Program) -> tuple[Step, ...]:
    """Read constants in the order of the weights file, and call each op as soon as it can run.

    So weights are packed while later ones are still on their way, and their raw bytes are needed
    for as short a time as can be.
    """
    graph = program.graph
    waiting: list[Op] = list(graph.load.ops)
    ready: set[str] = set()
    steps: list[Step] = []

    def call_what_can_run() -> None:
        nonlocal waiting
        blocked: list[Op] = []
        for op in waiting:
            if ready.issuperset(op.inputs):
                steps.append(Step("call", op.name))
                ready.update(op.outputs)
            else:
                blocked.append(op)
        waiting = blocked

    call_what_can_run()
    for name in graph.load.inputs:
        steps.append(Step("read", name))
        ready.add(name)
        call_what_can_run()
    return tuple(steps)


def main_steps(program: Program) -> tuple[Step, ...]:
    """Call the ops in the order of the graph."""
    return tuple(Step("call", op.name) for op in program.graph.main.ops)
