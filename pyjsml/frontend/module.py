"""An nn.Module: exported by torch.export with example inputs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyjsml.dims import Expr, evaluate
from pyjsml.errors import ModelError, OptionError
from pyjsml.frontend.export_errors import explanation
from pyjsml.frontend.options import Dims, Inputs, check_dims, check_inputs
from pyjsml.frontend.quiet import quiet
from pyjsml.program import TensorSpec

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram


def export(
    module: nn.Module,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    inputs: Inputs,
    dims: Dims,
) -> ExportedProgram:
    """Export `module` in evaluation mode.

    Each argument of `forward` comes from `inputs` if that has its name, else from `args` and
    `kwargs`. Raises OptionError if one is missing, and ModelError with torch's own sentence if the
    export fails.
    """
    import torch

    from pyjsml.frontend.torch_layers import WholeLayers

    positional, keyword = example(module, args, kwargs, inputs, dims)
    dynamic = _dynamic_shapes(module, positional, keyword, inputs, dims)
    training = module.training
    module.eval()
    try:
        with torch.no_grad(), quiet(), WholeLayers():
            return torch.export.export(
                module, positional, keyword or None, dynamic_shapes=dynamic, strict=False
            )
    except Exception as error:
        raise ModelError(
            f"torch.export can't export {type(module).__name__}: {explanation(error, module)}"
        ) from error
    finally:
        module.train(training)


def example(
    module: nn.Module,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    inputs: Inputs,
    dims: Dims,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments to export `module` with: `args` and `kwargs`, overridden by `inputs`.

    Raises OptionError where `args` has more than `forward` has names for, or where one is missing.
    """
    names = argument_names(module)
    args = args or ()
    if len(args) > len(names):
        raise OptionError(
            f"{len(args)} arguments are given, but forward of {type(module).__name__} has names "
            f"for {len(names)} ({', '.join(names)}): inputs need names, and *args has none"
        )
    given = dict(zip(names, map(_tensors, args), strict=False))
    keyword = {name: _tensors(value) for name, value in (kwargs or {}).items()}
    check_inputs(inputs, [*names, *(name for name in keyword if name not in names)])
    check_dims(
        dims, [dim for spec in inputs.values() for dim in spec.shape if isinstance(dim, str)]
    )
    sizes = example_sizes(inputs, dims)
    for name, spec in inputs.items():
        (keyword if name in keyword else given)[name] = zeros(spec, sizes)
    missing = [name for name in required_names(module) if name not in given and name not in keyword]
    if missing:
        raise OptionError(
            "The model's inputs have to be told by example, or by dtype and shape:",
            [f"{name!r}: give --input {name}=float32[1,3,224,224], say" for name in missing],
        )
    # Arguments behind one that is left to its default can only go by name.
    positional: list[Any] = []
    for name in names:
        if name not in given:
            break
        positional.append(given.pop(name))
    return tuple(positional), {**given, **keyword}


def example_sizes(inputs: Inputs, dims: Dims) -> dict[str, int]:
    """Choose a size for each dim that `inputs` names.

    The sizes differ from each other and from every fixed size, and are at least 2 where the bounds
    allow it: torch.export takes equal sizes, and sizes of 0 and 1, for more than a coincidence.
    """
    fixed = {dim for spec in inputs.values() for dim in spec.shape if isinstance(dim, int)}
    sizes: dict[str, int] = {}
    for spec in inputs.values():
        for dim in spec.shape:
            if not isinstance(dim, str) or dim in sizes:
                continue
            low, high = dims.get(dim, (1, None))
            taken = fixed | set(sizes.values())
            candidates = range(max(low, 2), (high or low + 1000) + 1)
            sizes[dim] = next((size for size in candidates if size not in taken), high or low)
    return sizes


def zeros(spec: TensorSpec, sizes: Mapping[str, int]) -> Any:
    """Return a tensor of zeros: they are valid where a model takes indices."""
    import torch

    shape = [evaluate(dim, sizes) for dim in spec.shape]
    return torch.zeros(shape, dtype=getattr(torch, spec.dtype))


def argument_names(module: nn.Module) -> list[str]:
    """Return the names of the positional arguments of `forward`."""
    return [
        name
        for name, parameter in inspect.signature(module.forward).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


def required_names(module: nn.Module) -> list[str]:
    """Return the names of the arguments of `forward` that have no default."""
    return [
        name
        for name, parameter in inspect.signature(module.forward).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _dynamic_shapes(
    module: nn.Module,
    positional: Sequence[Any],
    keyword: Mapping[str, Any],
    inputs: Inputs,
    dims: Dims,
) -> Any:
    from torch.export import Dim

    named: dict[str, Any] = {}

    def axis(dim: Expr) -> Any:
        if not isinstance(dim, str):
            return Dim.STATIC
        if dim not in named:
            low, high = dims.get(dim, (1, None))
            named[dim] = Dim(dim, min=low, max=high)
        return named[dim]

    def shapes(name: str, value: Any) -> Any:
        spec = inputs.get(name)
        if spec is None:
            from torch.utils._pytree import tree_map

            return tree_map(lambda leaf: None, value)
        return {index: axis(dim) for index, dim in enumerate(spec.shape)}

    if not any(isinstance(dim, str) for spec in inputs.values() for dim in spec.shape):
        return None
    return {
        **{
            name: shapes(name, value)
            for name, value in zip(argument_names(module), positional, strict=False)
        },
        **{name: shapes(name, value) for name, value in keyword.items()},
    }


def _tensors(value: Any) -> Any:
    import numpy as np
    import torch
    from torch.utils._pytree import tree_map

    return tree_map(
        lambda leaf: torch.from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf, value
    )
