"""Memory that kernels borrow, as values of the graph: the memory plan then treats all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pyjsml.dims import Expr, substitute
from pyjsml.program import Block, Graph, Kernel, Op, Value


def with_workspaces(
    graph: Graph, kernels: Mapping[str, Kernel], sizes: Mapping[str, Sequence[Expr]]
) -> Graph:
    """Give each op whose kernel borrows memory that memory as further outputs, which nothing reads.

    `sizes` has the bytes of each borrowed buffer by kernel, over the kernel's dims.
    """
    if not any(sizes.values()):
        return graph
    values = dict(graph.values)

    def extended(op: Op) -> Op:
        borrowed = sizes.get(op.kernel, ())
        if not borrowed:
            return op
        arguments = dict(zip(kernels[op.kernel].dims, op.dims, strict=True))
        names = []
        for number, size in enumerate(borrowed):
            name = _free(f"{op.outputs[0]}_workspace{number or ''}", values)
            values[name] = Value(name, "uint8", (substitute(size, arguments),))
            names.append(name)
        return replace(op, outputs=(*op.outputs, *names))

    def each(block: Block) -> Block:
        return replace(block, ops=tuple(extended(op) for op in block.ops))

    load, main = each(graph.load), each(graph.main)
    return Graph(MappingProxyType(values), load, main)


def _free(wanted: str, taken: Mapping[str, Value]) -> str:
    name, number = wanted, 1
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name
