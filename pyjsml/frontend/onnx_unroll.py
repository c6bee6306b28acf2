"""Scans and loops of a known, small number of steps, written out step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyjsml.frontend.extras import require
from pyjsml.frontend.onnx_bodies import Writer, opset_of
from pyjsml.frontend.onnx_loops import Loop, constants_of, loop_steps
from pyjsml.frontend.onnx_scans import Scan, scan_steps, shapes_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

MAX_STEPS = 64
"""How many copies of a body there may be: more of them are more code than a loop is worth."""

MAX_NODES = 10_000
"""How many nodes a graph may come to have: loops in loops multiply."""


def unroll(model: ModelProto) -> ModelProto:
    """Return the model with its scans and loops written out, or the very same if none can be.

    One stays whole if the model does not say how many steps it takes, or if they are more than
    `MAX_STEPS`; all do if the graph would have more than `MAX_NODES`. The format of scans is that
    since opset 9.
    """
    onnx = require("onnx")
    opset = opset_of(model)
    writers: dict[int, Writer] = {}
    size = len(model.graph.node)
    known = _Known(model.graph, opset)
    for index, node in enumerate(model.graph.node):
        if writer := known.writer(node, index):
            writers[index] = writer
            size += writer.count * len(writer.body.node)
            if size > MAX_NODES:
                return model
    if not writers:
        return model
    unrolled: ModelProto = onnx.ModelProto()
    unrolled.CopyFrom(model)
    del unrolled.graph.node[:]
    for index, node in enumerate(model.graph.node):
        if index in writers:
            unrolled.graph.node.extend(writers[index].nodes())
            unrolled.graph.initializer.extend(writers[index].initializers())
        else:
            unrolled.graph.node.append(node)
    return unrolled


class _Known:
    """What a graph tells of the steps of its scans and loops."""

    def __init__(self, graph: GraphProto, opset: int) -> None:
        self._opset = opset
        self._constants = constants_of(graph)
        self._shapes = shapes_of(graph)

    def writer(self, node: NodeProto, index: int) -> Writer | None:
        """Return what writes out `node`, or None if it is no scan or loop, or stays whole."""
        if node.domain:
            return None
        prefix = f"{node.name or node.op_type}_{index}"
        if node.op_type == "Scan" and self._opset >= 9:
            steps = scan_steps(self._shapes, node)
            return Scan(node, steps, prefix, self._opset) if 0 < steps <= MAX_STEPS else None
        if node.op_type == "Loop":
            count = loop_steps(self._constants, node, MAX_STEPS, self._opset)
            return None if count is None else Loop(node, count, prefix, self._opset)
        return None
