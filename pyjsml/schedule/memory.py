"""The memory plan: which values share bytes, and which lie beside each other.

Values that live at the same time must not overlap. The plan does not fix addresses, since sizes may
depend on dims; it says for each value which others it comes after. Values are placed greedily, the
largest first, each at the lowest address that its contemporaries leave free (greedy by size:
Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). Whatever the
sizes turn out to be in a run, two contemporaries stay ordered, so the plan holds for every binding;
sizes at a nominal binding only decide how tight it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyjsml.addresses import align, item_size
from pyjsml.dims import evaluate, product
from pyjsml.program import Block, Op, Placement, Program, Region, Signature, Step, Value

NOMINAL = 256
"""What an unbounded dim is taken for when values are compared by size."""


@dataclass(frozen=True)
class Lifetime:
    """A value's size in bytes and the steps, first and last, at which its bytes must be its own."""

    name: str
    size: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Say whether both are alive at some step."""
        return self.first <= other.last and other.first <= self.last


def plan_memory(
    program: Program, load: tuple[Step, ...], main: tuple[Step, ...]
) -> dict[str, Placement]:
    """Return a placement for each value of the graph."""
    graph = program.graph
    sizes = {value.name: nominal_bytes(value, program.signature) for value in graph.values.values()}
    aliases = _aliases(program)
    persistent = {_root(name, aliases) for name in graph.load.outputs}
    placements: dict[str, Placement] = {}
    previous: tuple[str, ...] = ()
    for name in graph.values:
        if name in persistent:
            placements[name] = Placement("persistent", after=previous)
            previous = (name,)
    arenas: tuple[tuple[Region, Block, tuple[Step, ...]], ...] = (
        ("load", graph.load, load),
        ("main", graph.main, main),
    )
    for region, block, steps in arenas:
        lifetimes = _lifetimes(block, steps, sizes, aliases)
        arena = [life for life in lifetimes if life.name not in persistent]
        for name, after in _pack(arena).items():
            placements[name] = Placement(region, after=after)
    for name in graph.values:
        if name in aliases:
            root = _root(name, aliases)
            placements[name] = Placement(placements[root].region, alias=root)
    return placements


def nominal_binding(signature: Signature) -> dict[str, int]:
    """Return the sizes of dims at which values are compared: the maximum, where there is one."""
    return {
        dim.name: max(dim.min, NOMINAL) if dim.max is None else dim.max for dim in signature.dims
    }


def nominal_bytes(value: Value, signature: Signature) -> int:
    """Return the bytes that `value` takes up at the nominal binding, rounded up to the alignment.

    An empty tensor counts as one unit, so that any two values that live at once are ordered.
    """
    count = evaluate(product(value.shape), nominal_binding(signature))
    return align(max(count, 1) * item_size(value.dtype))


def _aliases(program: Program) -> dict[str, str]:
    """Return which value takes over the bytes of which: views, and results computed in place."""
    aliases: dict[str, str] = {}
    for block in (program.graph.load, program.graph.main):
        last_use = _last_uses(block, aliases)
        for index, op in enumerate(block.ops):
            if op.kind == "view":
                aliases[op.outputs[0]] = op.inputs[0]
            elif op.kernel:
                _share_in_place(program, block, op, index, last_use, aliases)
    return aliases


def _share_in_place(
    program: Program,
    block: Block,
    op: Op,
    index: int,
    last_use: dict[str, int],
    aliases: dict[str, str],
) -> None:
    values = program.graph.values
    kept = {_root(name, aliases) for name in program.graph.load.outputs}
    for source_index, result_index in program.kernels[op.kernel].inplace:
        source, result = op.inputs[source_index], op.outputs[result_index]
        root = _root(source, aliases)
        same_size = (
            product(values[root].shape) == product(values[result].shape)
            and values[root].dtype == values[result].dtype
        )
        reads = [_root(name, aliases) for name in op.inputs]
        overwritten = block.name == "main" and root in block.inputs
        dies_here = last_use[root] == index and root not in kept and reads.count(root) == 1
        if same_size and dies_here and not overwritten and result not in aliases:
            aliases[result] = source
            last_use[root] = last_use.get(result, index)
            return


def _last_uses(block: Block, aliases: Mapping[str, str]) -> dict[str, int]:
    """Return the index of the last op that reads each value's bytes, through views too."""
    views = dict(aliases)
    views.update({op.outputs[0]: op.inputs[0] for op in block.ops if op.kind == "view"})
    last: dict[str, int] = {}
    for index, op in enumerate(block.ops):
        for name in op.inputs:
            last[_root(name, views)] = index
    for name in block.outputs:
        last[_root(name, views)] = len(block.ops)
    return last


def _root(name: str, aliases: Mapping[str, str]) -> str:
    while name in aliases:
        name = aliases[name]
    return name


def _lifetimes(
    block: Block, steps: tuple[Step, ...], sizes: Mapping[str, int], aliases: Mapping[str, str]
) -> list[Lifetime]:
    """Return the lifetimes of the values that own bytes in a block, those of aliases included."""
    ops = {op.name: op for op in block.ops}
    first: dict[str, int] = {}
    last: dict[str, int] = {}

    def touch(name: str, step: int) -> None:
        root = _root(name, aliases)
        first.setdefault(root, step)
        last[root] = step

    if block.name == "main":
        for name in block.inputs:
            touch(name, 0)
    for index, step in enumerate(steps):
        touched = (step.target,) if step.kind == "read" else ops[step.target].inputs
        written = () if step.kind == "read" else ops[step.target].outputs
        for name in (*touched, *written):
            touch(name, index)
    for name in block.outputs:
        touch(name, len(steps))
    return [Lifetime(name, sizes[name], first[name], last[name]) for name in first]


def _pack(lifetimes: list[Lifetime]) -> dict[str, tuple[str, ...]]:
    """Return for each value the values that it comes directly after."""
    order = sorted(lifetimes, key=lambda life: (-life.size, life.first, life.name))
    placed: list[tuple[int, Lifetime]] = []
    offsets: dict[str, int] = {}
    after: dict[str, tuple[str, ...]] = {}
    for life in order:
        offsets[life.name] = _lowest_gap(life, placed)
        placed.append((offsets[life.name], life))
    beneath: dict[str, set[str]] = {}
    for offset, life in sorted(placed, key=lambda pair: (pair[0], pair[1].name)):
        below = {
            other.name
            for start, other in placed
            if start + other.size <= offset and other.meets(life)
        }
        # What lies beneath a neighbour needs no mention of its own.
        implied = set().union(*(beneath[name] for name in below))
        after[life.name] = tuple(sorted(below - implied))
        beneath[life.name] = below | implied
    return after


def _lowest_gap(life: Lifetime, placed: list[tuple[int, Lifetime]]) -> int:
    offset = 0
    contemporaries = [(start, other.size) for start, other in placed if other.meets(life)]
    for start, size in sorted(contemporaries):
        if start - offset >= life.size:
            break
        offset = max(offset, start + size)
    return offset
