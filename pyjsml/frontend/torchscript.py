"""TorchScript: turned into an ExportedProgram by torch's own converter.

TVM reads no TorchScript, and torch.export refuses ScriptModules. torch keeps a converter from
TorchScript graphs to ExportedPrograms, which keeps the weights' names and stays in one framework
with the other torch sources, so that one importer serves them all.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError, OptionError
from pyjsml.frontend.module import example_sizes, zeros
from pyjsml.frontend.options import Dims, Inputs, check_dims, check_inputs
from pyjsml.frontend.tensors import dtype_name
from pyjsml.program import TensorSpec

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def export(module: Any, args: Any, inputs: Inputs, dims: Dims) -> ExportedProgram:
    """Convert a ScriptModule; see `pyjsml.frontend.load` for the arguments and the errors."""
    import torch
    from torch._export.converter import TS2EPConverter
    from torch.export import Dim
    from torch.export._trace import _export

    names = argument_names(module)
    recorded = recorded_inputs(module)
    check_inputs(inputs, names)
    specs = {**recorded, **inputs}
    given = dict(zip(names, args or (), strict=False))
    missing = [name for name in names if name not in specs and name not in given]
    if missing:
        raise OptionError(
            "The TorchScript file doesn't record the shapes of its inputs:",
            [f"{name!r}: give --input {name}=float32[1,3,224,224], say" for name in missing],
        )
    check_dims(dims, [dim for spec in specs.values() for dim in spec.shape if isinstance(dim, str)])
    sizes = example_sizes(specs, dims)
    example = tuple(
        given[name] if name in given and name not in inputs else zeros(specs[name], sizes)
        for name in names
    )
    named = {name: Dim(name, min=low, max=high) for name, (low, high) in
             ((name, dims.get(name, (1, None))) for name in sizes)}
    shapes = tuple(
        {axis: named[dim] for axis, dim in enumerate(inputs[name].shape) if isinstance(dim, str)}
        if name in inputs else None
        for name in names
    )

    class Converter(TS2EPConverter):  # type: ignore[misc]
        def retrace_as_exported_program(self, gm: Any, name_to_constant: Any) -> Any:
            # torch's own makes every axis dynamic that it can.
            return _export(gm, self.sample_args, dynamic_shapes=(shapes,), strict=False, pre_dispatch=True)

    with torch.no_grad(), warnings.catch_warnings(action="ignore"):
        return Converter(module, example).convert()


def argument_names(module: Any) -> list[str]:
    """Return the names of the arguments of a ScriptModule's `forward`."""
    return [argument.name for argument in module.forward.schema.arguments[1:]]


def recorded_inputs(module: Any) -> dict[str, TensorSpec]:
    """Return dtype and shape of each input whose complete shape a trace has left in the graph."""
    found = {}
    inputs = list(module.graph.inputs())[1:]
    for name, value in zip(argument_names(module), inputs, strict=False):
        kind = value.type()
        sizes = kind.sizes() if kind.kind() == "TensorType" else None
        if sizes is not None and kind.dtype() is not None and all(size is not None for size in sizes):
            found[name] = TensorSpec(name, dtype_name(kind.dtype()), tuple(sizes))
    return found
