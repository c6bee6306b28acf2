"""What torch.export says of a model that it can't export, and where in the model that is."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from pyjsml.frontend.quiet import sentence

if TYPE_CHECKING:
    from torch import nn

_OURS = Path(__file__).parents[1]


def explanation(error: Exception, module: nn.Module) -> str:
    """Return why `error` was raised by the export of `module`, in one line.

    Names the line of the model that torch was at and, where dims were too free, each reason.
    """
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    quantised = _quantised(module)
    if quantised:
        return (
            f"it has modules quantised in torch's eager mode ({', '.join(quantised[:3])}), whose "
            "weights are in a form that can't be exported. Quantise the model as an ONNX file "
            "instead, with onnxruntime.quantization, say."
        )
    where = _where(error)
    if isinstance(error, GuardOnDataDependentSymNode):
        # Torch's own words are a formula over its symbols, which may have hundreds of terms.
        return (
            f"{f'{where}, ' if where else ''}the model needs to know the values of a tensor (in a "
            "condition, a size or a Python number), and there are none before it runs. Choose with "
            "torch.where, or leave that part to the code around the model."
        )
    first = sentence(error).partition(" For more information")[0]
    reasons = [line.strip() for line in str(error).splitlines() if line.startswith("  - ")]
    place = [f"({where})"] if where else []
    return " ".join([first, *(reason.removeprefix("- ") for reason in reasons), *place])


def _quantised(module: nn.Module) -> list[str]:
    """Return the names of the submodules that are torch.ao's quantised ones."""
    names = [
        name
        for name, each in module.named_modules()
        if type(each).__module__.startswith("torch.ao.nn.") and "quantized" in type(each).__module__
    ]
    # Each holds its weights in a module of their own, which says nothing to a user.
    return [repr(name) for name in names if name.rpartition(".")[0] not in names]


def _where(error: Exception) -> str:
    """Return the innermost line that is neither torch's nor ours; empty if there is none."""
    import torch

    libraries = (Path(torch.__file__).parent, _OURS)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_file() and not any(path.is_relative_to(library) for library in libraries):
            return f"at {path.name}:{frame.lineno} in {frame.name}"
    return ""
