"""What ONNX's checker refuses and runtimes accept, since exporters write it, put in order."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError
from pyjsml.frontend.onnx_bodies import reads, subgraphs

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_SPELT_OUT = "ai.onnx"
"""ONNX's own domain, whose name is left empty."""


def tidy(model: ModelProto, what: str) -> ModelProto:
    """Return a model with its nodes in the order of their values, and ONNX's domain without a name.

    The very same model if it is so. Raises ModelError, which calls it `what`, if values of it
    follow from themselves.
    """
    if _is_sorted(model) and not any(_spelt_out(model)):
        return model
    tidied = type(model)()
    tidied.CopyFrom(model)
    for each in list(_spelt_out(tidied)):
        each.domain = ""
    versions = {entry.domain: entry.version for entry in tidied.opset_import}
    for entry in list(tidied.opset_import):
        if versions.pop(entry.domain, None) is None:
            tidied.opset_import.remove(entry)
    for holder in _holders(tidied):
        nodes = _sorted(holder.node, what)
        del holder.node[:]
        holder.node.extend(nodes)
    return tidied


def _holders(model: ModelProto) -> Iterator[Any]:
    """Yield the graph, the functions, and the graphs inside of them: inner ones first."""
    for holder in (model.graph, *model.functions):
        yield from _inside(holder)


def _inside(holder: Any) -> Iterator[Any]:
    for node in holder.node:
        for graph in subgraphs(node):
            yield from _inside(graph)
    yield holder


def _spelt_out(model: ModelProto) -> Iterator[Any]:
    """Yield what names ONNX's own domain."""
    nodes = (node for holder in _holders(model) for node in holder.node)
    imports = (entry for holder in (model, *model.functions) for entry in holder.opset_import)
    for each in (*nodes, *imports):
        if each.domain == _SPELT_OUT:
            yield each


def _is_sorted(model: ModelProto) -> bool:
    for holder in _holders(model):
        ahead = {name for node in holder.node for name in node.output if name}
        for node in holder.node:
            if not ahead.isdisjoint(reads(node)):
                return False
            ahead.difference_update(node.output)
    return True


def _sorted(nodes: Any, what: str) -> list[NodeProto]:
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    before = {
        index: sorted({makers[name] for name in reads(node) if name in makers})
        for index, node in enumerate(nodes)
    }
    try:
        return [nodes[index] for index in TopologicalSorter(before).static_order()]
    except CycleError as error:
        circle = [nodes[index].name or nodes[index].output[0] for index in error.args[1][1:]]
        raise ModelError(
            f"{what} is no valid ONNX model: these nodes wait for each other's results: "
            f"{', '.join(map(repr, circle))}."
        ) from error
