"""Where the values of an ONNX model come from."""

from __future__ import annotations

from typing import Any

from pyjsml.frontend.traces import innermost
from pyjsml.program import Origin


def origin_of(node: Any) -> Origin:
    """Return where an ONNX node comes from; one that has no name goes by its first output's."""
    output = next((name for name in node.output if name), "")
    metadata = {entry.key: entry.value for entry in node.metadata_props}
    return Origin(
        node=node.name or output,
        kind=node.op_type,
        module=_module_path(metadata.get("pkg.torch.onnx.name_scopes", "")),
        source=innermost(metadata.get("pkg.torch.onnx.stack_trace", "")),
        output=output,
    )


def at_output(origin: Origin, output: str) -> Origin:
    """Return `origin` as that of the node's output `output`."""
    return Origin(origin.node, origin.kind, origin.module, origin.source, output)


def _module_path(scopes: str) -> str:
    """Read the exporter's list of nested scopes; the last but one is the innermost module."""
    parts = [part.strip(" '\"") for part in scopes.strip("[]").split(",")]
    modules = [part for part in parts[:-1] if part]
    return modules[-1] if modules else ""
