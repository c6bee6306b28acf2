"""A model in any form, opened: what `load` imports and what a reference evaluates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pyjsml.errors import ModelError
from pyjsml.frontend.callables import call, is_reference
from pyjsml.frontend.detect import KINDS, kind_of
from pyjsml.frontend.extras import require
from pyjsml.frontend.options import Dims, Inputs

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn
    from torch.export import ExportedProgram

    from pyjsml.frontend.torch_dims import Symbols


@dataclass(frozen=True)
class OnnxSource:
    """An ONNX model as the user gave it, and as it is imported, with constants folded."""

    name: str
    model: ModelProto
    folded: ModelProto
    dims: Dims


@dataclass(frozen=True)
class TorchSource:
    """A torch model as a function, and as it is imported: a program of core ATen operators."""

    name: str
    eager: Callable[..., Any]
    exported: ExportedProgram
    symbols: Symbols
    outputs: tuple[str, ...]


def open_source(
    source: Any,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    inputs: Inputs | None = None,
    dims: Dims | None = None,
    name: str | None = None,
) -> OnnxSource | TorchSource:
    """Open a model; see `pyjsml.frontend.load` for the arguments and the errors."""
    inputs, dims = inputs or {}, dims or {}
    if isinstance(source, str) and is_reference(source):
        name = name or source.rpartition(":")[2].rpartition(".")[2]
        module, example, keyword = call(source)
        return _open_object(module, args or example, kwargs or keyword, inputs, dims, name)
    if isinstance(source, str | Path):
        return _open_file(Path(source), args, inputs, dims, name)
    return _open_object(source, args, kwargs, inputs, dims, name)


def _open_file(
    path: Path, args: Sequence[Any] | None, inputs: Inputs, dims: Dims, name: str | None
) -> OnnxSource | TorchSource:
    name = name or path.stem
    match kind_of(path):
        case "onnx":
            from pyjsml.frontend import onnx_model

            return _onnx(onnx_model.read(path), inputs, dims, name)
        case "exported":
            from pyjsml.frontend import pt2

            return _open_object(pt2.read(path), None, None, inputs, dims, name)
        case "torchscript":
            from pyjsml.frontend import torchscript

            module, recorded = torchscript.read(path)
            return _torchscript(module, args, recorded, inputs, dims, name)


def _open_object(
    source: Any,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    inputs: Inputs,
    dims: Dims,
    name: str | None,
) -> OnnxSource | TorchSource:
    if type(source).__name__ == "ModelProto":
        from pyjsml.frontend import onnx_model

        model = onnx_model.checked(source, "The model")
        if inputs and model is source:  # whose inputs are about to be changed
            model = type(source)()
            model.CopyFrom(source)
        return _onnx(model, inputs, dims, name or source.graph.name or "model")
    torch = require("torch")
    from pyjsml.frontend import module, torchscript

    if isinstance(source, torch.jit.ScriptModule):
        recorded = torchscript.recorded_inputs(source)
        return _torchscript(source, args, recorded, inputs, dims, name or "model")
    if isinstance(source, torch.nn.Module):
        program = module.export(source, args, kwargs, inputs, dims)
        eager = partial(_evaluate, source)
        return _torch(program, eager, inputs, dims, name or type(source).__name__)
    if isinstance(source, torch.export.ExportedProgram):
        return _torch(source, partial(_call_exported, source), inputs, dims, name or "model")
    raise ModelError(f"{type(source).__name__} is no model that pyjsml knows: {KINDS}.")


def _torchscript(
    module: Any,
    args: Sequence[Any] | None,
    recorded: Inputs,
    inputs: Inputs,
    dims: Dims,
    name: str,
) -> OnnxSource | TorchSource:
    from pyjsml.frontend import torchscript

    converted = torchscript.export(module, args, recorded, inputs, dims)
    if isinstance(converted, require("torch").export.ExportedProgram):
        return _torch(converted, module, inputs, dims, name)
    return _onnx(cast("ModelProto", converted), {}, dims, name)


def _call_exported(program: ExportedProgram, *args: Any, **kwargs: Any) -> Any:
    return program.module()(*args, **kwargs)


def _evaluate(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Call `module` in evaluation mode, and leave it in the mode that it was in."""
    training = module.training
    module.eval()
    try:
        return module(*args, **kwargs)
    finally:
        module.train(training)


def _onnx(model: ModelProto, inputs: Inputs, dims: Dims, name: str) -> OnnxSource:
    from pyjsml.frontend import onnx_model

    onnx_model.override_inputs(model, inputs)
    return OnnxSource(name, model, onnx_model.fold(model), dims)


def _torch(
    program: ExportedProgram, eager: Callable[..., Any], inputs: Inputs, dims: Dims, name: str
) -> TorchSource:
    from pyjsml.frontend import exported
    from pyjsml.frontend.torch_dims import Symbols

    exported.check_operators(program)
    decomposed = exported.decompose(program)
    exported.check_stateless(decomposed)
    return TorchSource(
        name,
        eager,
        decomposed,
        Symbols.of(program, inputs, dims),
        tuple(exported.output_names(program)),
    )
