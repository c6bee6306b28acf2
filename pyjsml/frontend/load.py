"""The stage `load`: a model in any form becomes a Program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyjsml.frontend.options import Dims, Inputs
from pyjsml.frontend.sources import OnnxSource, open_source

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
    """Import a model.

    `source` is the path of an `.onnx` file, of a `.pt2` file or of a TorchScript file, the text
    `package.module:callable`, an nn.Module, a ScriptModule or an ExportedProgram. `args` and
    `kwargs` are example arguments of a torch model's `forward`. `inputs` overrides dtypes and
    shapes by input name, where a string in a shape names a dim that may vary, and `dims` bounds
    such dims. `name` is the program's name (default: after the file, callable or class).

    The Relax function `main` takes the inputs, then one parameter per entry of `constants`.

    Raises ModelError (UnsafeModelError for pickles) for a model that can't be read or converted,
    UnsupportedOpError listing every operator that can't be compiled, OptionError for an override
    that doesn't fit, and EngineUnavailableError if a package that reads the model is missing.
    """
    opened = open_source(source, args=args, kwargs=kwargs, inputs=inputs, dims=dims, name=name)
    if isinstance(opened, OnnxSource):
        from pyjsml.frontend import onnx_importer

        return onnx_importer.convert(opened.folded, opened.name, opened.dims)
    from pyjsml.frontend import torch_importer

    return torch_importer.convert(
        opened.exported, opened.name, opened.symbols, list(opened.outputs)
    )
