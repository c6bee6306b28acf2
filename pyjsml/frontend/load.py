"""Which kind of source a model is, and the way from there to a Program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError
from pyjsml.frontend.options import Dims, Inputs

if TYPE_CHECKING:
    from pyjsml.program import Program


def load(
    source: Any,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    inputs: Inputs | None = None,
    dims: Dims | None = None,
    name: str | None = None,
) -> Program:
    inputs, dims = inputs or {}, dims or {}
    if isinstance(source, str | Path):
        path = Path(source)
        if path.suffix == ".onnx":
            from pyjsml.frontend import onnx_model
            from pyjsml.frontend.onnx_importer import convert

            model = onnx_model.read(path)
            onnx_model.override_inputs(model, inputs, dims)
            return convert(onnx_model.fold(model), name or path.stem, dims)
        import torch

        if path.suffix == ".pt2":
            source = torch.export.load(path)
        elif path.suffix in (".pt", ".jit"):
            source = torch.jit.load(path, map_location="cpu")
        else:
            raise ModelError(f"{source} is no kind of model that pyjsml knows.")
        name = name or path.stem
    import torch

    from pyjsml.frontend import exported, module, torchscript

    if isinstance(source, torch.jit.ScriptModule):
        program = torchscript.export(source, args, inputs, dims)
    elif isinstance(source, torch.nn.Module):
        program = module.export(source, args, kwargs, inputs, dims)
        name = name or type(source).__name__
    else:
        program = source
    return exported.load_exported(program, name or "model", inputs, dims)
