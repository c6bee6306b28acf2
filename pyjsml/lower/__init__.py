"""The lower stage: the optimised module becomes a graph of ops over named values."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from pyjsml.lower.functions import unique_functions
from pyjsml.lower.graph import build_graph
from pyjsml.program import Program


def lower(program: Program) -> Program:
    """Add `graph` and `functions`; drop the constants that nothing reads.

    Raises UnsupportedOpError for results whose shape depends on the data.
    """
    graph, constants, called = build_graph(program)
    graph, functions = unique_functions(graph, called)
    return replace(
        program, lowered=graph, constants=constants, functions=MappingProxyType(functions)
    )


__all__ = ["lower"]
