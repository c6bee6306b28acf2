"""Where the nodes of an exported program come from in the user's model."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch

from pyjsml.frontend.traces import innermost
from pyjsml.program import Origin


def origin_of(node: Any, weights: Mapping[str, str]) -> Origin:
    """Return where a graph node comes from; `getitem` of a tuple counts as what made the tuple.

    `weights` gives the weight that each placeholder stands for.
    """
    source = node
    while source.op == "call_function" and source.target is operator.getitem:
        source = source.args[0]
    stack = list(source.meta.get("nn_module_stack", {}).values())
    return Origin(
        node=source.name,
        kind=kind_of(source),
        module=(str(stack[-1][0]) if stack else "") or _owner(source, weights),
        source=innermost(source.meta.get("stack_trace") or ""),
        output=node.name,
    )


def _owner(node: Any, weights: Mapping[str, str]) -> str:
    """Return the module that a node's first weight belongs to: TorchScript keeps no other trace."""
    for argument in node.all_input_nodes:
        if argument.name in weights:
            return weights[argument.name].rpartition(".")[0]
    return ""


def kind_of(node: Any) -> str:
    """Return the operator of a graph node, without its overload: `aten.add`."""
    if isinstance(node.target, torch._ops.OpOverload):
        return f"{node.target.namespace}.{node.target._opname}"
    return target_name(node) if node.op == "call_function" else str(node.op)


def target_name(node: Any) -> str:
    """Return the name that TVM knows a node's operator by: `add.Tensor`."""
    return str(getattr(node.target, "__name__", node.target))
