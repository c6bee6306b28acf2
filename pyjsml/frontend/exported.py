"""An ExportedProgram of torch.export: decomposed, checked, and handed to the importer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError
from pyjsml.frontend.quiet import quiet, sentence
from pyjsml.program import Origin

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_KEPT = ("linear", "matmul", "dropout", "instance_norm", "lstm", "gru", "rnn_tanh", "rnn_relu")
"""Composite operators that are worth more whole: torch would write a linear layer on three axes as
view, permute, addmm, view, instance norm as a batch norm of repeated weights, and a recurrent layer
step by step."""


def decompose(exported: ExportedProgram) -> ExportedProgram:
    """Return the functional program in core ATen operators.

    Raises ModelError with torch's own sentence if that fails.
    """
    import torch

    table = torch.export.default_decompositions()
    for name in _KEPT:
        if name == "lstm" and any(map(_projects, exported.graph.nodes)):
            continue
        packet = getattr(torch.ops.aten, name)
        for overload in packet.overloads():
            table.pop(getattr(packet, overload), None)  # type: ignore[no-untyped-call]
    try:
        with quiet(), _views_as_reshapes(exported):
            decomposed: ExportedProgram = exported.run_decompositions(table)
    except Exception as error:
        raise ModelError(
            f"torch.export can't write the model in core operators: {sentence(error)}"
        ) from error
    return decomposed


@contextlib.contextmanager
def _views_as_reshapes(exported: ExportedProgram) -> Iterator[None]:
    """Let views of the program copy where they have to.

    What is decomposed may come out in another order in memory, of which no view can be taken.
    """
    import torch

    views = [node for node in exported.graph.nodes if node.target is torch.ops.aten.view.default]
    for node in views:
        node.target = torch.ops.aten.reshape.default
    try:
        yield
    finally:
        for node in views:
            node.target = torch.ops.aten.view.default


def _projects(node: Any) -> bool:
    """Tell whether a graph node is an LSTM that projects its states."""
    import torch

    if node.target is not torch.ops.aten.lstm.input:
        return False
    weights, biased, layers, _, _, both = node.args[2:8]
    return bool(len(weights) != (4 if biased else 2) * layers * (2 if both else 1))


def output_names(exported: ExportedProgram) -> list[str]:
    """Name the tensors that the program returns: after dict keys and fields, else by number."""
    from torch.export.graph_signature import OutputKind, TensorArgument
    from torch.utils import _pytree as pytree

    specs = [
        spec
        for spec in exported.graph_signature.output_specs
        if spec.kind is OutputKind.USER_OUTPUT
    ]
    tree = exported.call_spec.out_spec
    paths: list[Any] = [(index,) for index in range(len(specs))]
    if tree is not None and tree.num_leaves == len(specs):
        with quiet():
            leaves = pytree.tree_unflatten(list(range(len(specs))), tree)
            paths = [path for path, _ in pytree.tree_flatten_with_path(leaves)[0]]
    names = []
    for path, spec in zip(paths, specs, strict=True):
        if isinstance(spec.arg, TensorArgument):
            parts = [_key(entry) for entry in path]
            named = any(not part.isdigit() for part in parts)
            names.append("_".join(parts if named else ["output", *parts]))
        elif getattr(spec.arg, "value", None) is not None:
            raise ModelError(
                f"The model returns {spec.arg.value!r} beside its tensors: return tensors only."
            )
    if not names:
        raise ModelError("The model returns no tensor.")
    return ["output"] if names == ["output_0"] else names


def _is_operator(target: Any) -> bool:
    import torch

    if isinstance(target, torch._ops.OpOverload):
        return True
    name = getattr(target, "__name__", "")
    if getattr(target, "__module__", "") in ("_operator", "math"):
        return True
    return name.startswith("sym_") and getattr(torch, name, None) is target


def _key(entry: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)


def check_operators(exported: ExportedProgram) -> None:
    """Raise UnsupportedOpError if the program calls Python functions instead of operators.

    A file may name any function of torch; none may be called before this check.
    """
    from pyjsml.frontend.torch_origins import origin_of
    from pyjsml.frontend.unsupported import refuse

    found: dict[str, list[Origin]] = {}
    for node in exported.graph.nodes:
        if node.op == "call_function" and not _is_operator(node.target):
            found.setdefault(str(node.target), []).append(origin_of(node, {}))
    refuse(found)


def check_stateless(exported: ExportedProgram) -> None:
    """Raise ModelError if the program, once functional, writes to its own weights or its inputs."""
    from torch.export.graph_signature import OutputKind

    kinds = (
        OutputKind.BUFFER_MUTATION,
        OutputKind.PARAMETER_MUTATION,
        OutputKind.USER_INPUT_MUTATION,
    )
    written = [
        spec.target or spec.arg.name
        for spec in exported.graph_signature.output_specs
        if spec.kind in kinds
    ]
    if written:
        raise ModelError(
            f"The model writes to {', '.join(map(repr, written))} as it runs: it was exported in "
            "training mode (call model.eval() first), or keeps state, which has to become inputs "
            "and outputs."
        )
