"""Names of values that ONNX's own text form can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyjsml.frontend.names import Names

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def plain_names(node: NodeProto) -> None:
    """Give the values of the graphs that `node` holds identifiers for names.

    ONNX writes such graphs out as text to define some operators by others, and can't read back
    names like `half.weight/0`, which its format allows.
    """
    names = Names()
    renamed: dict[str, str] = {}

    def plain(name: str) -> str:
        if name and name not in renamed:
            renamed[name] = names.fresh(name)
        return renamed.get(name, "")

    def rename(graph: GraphProto) -> None:
        graph.name = "graph"
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = plain(value.name)
        for each in graph.node:
            each.name = ""
            each.input[:] = map(plain, each.input)
            each.output[:] = map(plain, each.output)
            held(each)

    def held(node: NodeProto) -> None:
        for attribute in node.attribute:
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                rename(graph)

    held(node)
