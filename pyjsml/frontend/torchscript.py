"""TorchScript: turned into an ExportedProgram by torch's own converter, else into ONNX.

TVM reads no TorchScript, and torch.export refuses ScriptModules. torch keeps a converter from
TorchScript graphs to ExportedPrograms: it keeps the weights' names and knows symbolic shapes, and
one importer then serves all torch sources, so it comes first. It lacks some operators and most
control flow, for which torch's TorchScript-based ONNX exporter is the second way.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError, OptionError
from pyjsml.frontend.extras import require
from pyjsml.frontend.module import example_sizes, zeros
from pyjsml.frontend.options import DTYPES, Dims, Inputs, check_dims, check_inputs
from pyjsml.frontend.pickles import traced_inputs
from pyjsml.frontend.quiet import quiet, sentence
from pyjsml.frontend.tensors import dtype_name
from pyjsml.program import TensorSpec

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram


def read(path: Path) -> tuple[Any, dict[str, TensorSpec]]:
    """Read a TorchScript file; return the ScriptModule and what the file says of its inputs.

    Raises ModelError if the file is damaged.
    """
    torch = require("torch")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged:
                raise ModelError(f"{path} is corrupt ({damaged}): export or download it again.")
            traced = next(
                (name for name in archive.namelist() if name.endswith("/traced_inputs.pkl")), None
            )
            recorded = traced_inputs(archive.read(traced)) if traced else []
        with quiet():
            module = torch.jit.load(str(path), map_location="cpu").eval()
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{path} can't be read as TorchScript ({sentence(error)[:-1]}): export or download it "
            "again."
        ) from error
    specs = {
        name: TensorSpec(name, spec.dtype, spec.shape)
        for name, spec in zip(argument_names(module), recorded, strict=False)
        if spec is not None
    }
    return module, {**specs, **recorded_inputs(module)}


def export(
    module: Any,
    args: Sequence[Any] | None,
    recorded: Mapping[str, TensorSpec],
    inputs: Inputs,
    dims: Dims,
) -> ExportedProgram | ModelProto:
    """Convert a ScriptModule.

    Each argument comes from `inputs`, else from `args`, else from what was `recorded` with it.
    Raises OptionError that says which `--input` to give where none of them has it, and ModelError
    if both ways of converting fail.
    """
    names = argument_names(module)
    check_inputs(inputs, names)
    given = dict(zip(names, args or (), strict=False))
    specs = {name: inputs.get(name, recorded.get(name)) for name in names}
    missing = [name for name in names if specs[name] is None and name not in given]
    if missing:
        raise OptionError(
            "The TorchScript file doesn't say which shapes its inputs have:",
            [
                f"{name!r}: give dtype and shape, as in {_suggestion(module, name)}"
                for name in missing
            ],
        )
    used = {
        name: spec
        for name, spec in specs.items()
        if spec is not None and (name in inputs or name not in given)
    }
    check_dims(dims, [dim for spec in used.values() for dim in spec.shape if isinstance(dim, str)])
    sizes = example_sizes(used, dims)
    example = tuple(zeros(used[name], sizes) if name in used else given[name] for name in names)
    try:
        return _to_exported(module, example, [used.get(name) for name in names], dims)
    except Exception as first:
        try:
            return _to_onnx(module, example, [used.get(name) for name in names])
        except Exception as second:
            raise ModelError(
                f"The TorchScript model can't be converted: {sentence(first)} By way of ONNX: "
                f"{sentence(second)}"
            ) from first


def argument_names(module: Any) -> list[str]:
    """Return the names of the arguments of a ScriptModule's `forward`."""
    return [argument.name for argument in module.forward.schema.arguments[1:]]


def recorded_inputs(module: Any) -> dict[str, TensorSpec]:
    """Return dtype and shape of each input whose complete shape a trace has left in the graph."""
    found = {}
    values = list(module.graph.inputs())[1:]
    for name, value in zip(argument_names(module), values, strict=False):
        kind = value.type()
        sizes = kind.sizes() if kind.kind() == "TensorType" else None
        if sizes is None or kind.dtype() is None or any(size is None for size in sizes):
            continue
        if dtype_name(kind.dtype()) in DTYPES:
            found[name] = TensorSpec(name, dtype_name(kind.dtype()), tuple(sizes))
    return found


def _to_exported(
    module: Any, example: tuple[Any, ...], specs: Sequence[TensorSpec | None], dims: Dims
) -> ExportedProgram:
    from torch._export.converter import TS2EPConverter
    from torch.export import Dim
    from torch.export._trace import _export

    named: dict[str, Any] = {}

    def axis(size: Any) -> Any:
        if not isinstance(size, str):
            return Dim.STATIC
        low, high = dims.get(size, (1, None))
        return named.setdefault(size, Dim(size, min=low, max=high))

    shapes = tuple(None if spec is None else [axis(size) for size in spec.shape] for spec in specs)

    class Converter(TS2EPConverter):
        def __init__(self) -> None:
            super().__init__(module, example)
            # TorchScript numbers its values: `x` has become `x.1`.
            for value, name in zip(self.ts_graph.inputs(), argument_names(module), strict=False):
                value.setDebugName(name)

        def retrace_as_exported_program(self, gm: Any, name_to_constant: Any) -> ExportedProgram:
            # torch's own makes every axis dynamic that it can.
            exported: ExportedProgram = _export(
                gm, self.sample_args, dynamic_shapes=shapes, strict=False, pre_dispatch=True
            )
            return exported

    with require("torch").no_grad(), quiet():
        exported: ExportedProgram = Converter().convert()
    return exported


def _to_onnx(
    module: Any, example: tuple[Any, ...], specs: Sequence[TensorSpec | None]
) -> ModelProto:
    torch, onnx = require("torch"), require("onnx")
    names = argument_names(module)
    axes = {
        name: {index: size for index, size in enumerate(spec.shape) if isinstance(size, str)}
        for name, spec in zip(names, specs, strict=True)
        if spec is not None
    }
    file = io.BytesIO()
    with torch.no_grad(), quiet():
        torch.onnx.export(
            module,
            example,
            file,
            dynamo=False,
            input_names=names,
            dynamic_axes={name: named for name, named in axes.items() if named},
            opset_version=17,
        )
    model: ModelProto = onnx.load_model_from_string(file.getvalue())
    return model


def _suggestion(module: Any, name: str) -> str:
    """Write an example whose channels fit the first convolution or linear layer."""
    for weight in module.state_dict().values():
        if weight.dim() == 4:
            return f"--input {name}={dtype_name(weight.dtype)}[1,{weight.shape[1]},224,224]"
        if weight.dim() == 2:
            return f"--input {name}={dtype_name(weight.dtype)}[1,{weight.shape[1]}]"
    return f"--input {name}=float32[1,3,224,224]"
