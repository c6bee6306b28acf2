"""The last step of every importer: a Relax function and what is known about it become a Program."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tvm import relax

from pyjsml.dims import evaluate, product
from pyjsml.dims import names as dim_names
from pyjsml.errors import ModelError
from pyjsml.frontend.constants import Weights, parameterise
from pyjsml.frontend.symbolic import shape_of
from pyjsml.program import Dim, Program, Signature, TensorSpec

if TYPE_CHECKING:
    from pyjsml.dims import Shape
    from pyjsml.frontend.builder import NodeBuilder
    from pyjsml.program import Origin


def emit_outputs(builder: NodeBuilder, outputs: Mapping[str, tuple[Any, Origin]]) -> Any:
    """Emit `outputs`, a value and its origin by name, from the open dataflow block of `builder`.

    Returns what the function is to return: one output as it is, several as a tuple.
    """
    emitted = []
    for name, (value, origin) in outputs.items():
        variable = builder.emit_output(value, name_hint=builder.names.fresh(name))
        builder.origins[variable.name] = origin
        emitted.append(variable)
    return emitted[0] if len(emitted) == 1 else relax.Tuple(emitted)


def finish(
    name: str,
    builder: NodeBuilder,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dims: Sequence[Dim],
    weights: Weights,
) -> Program:
    """Make the Program of the function `main` that `builder` holds.

    `inputs` and `outputs` are the model's own names, in order. Raises ModelError if the shape of an
    output depends on the input's values.
    """
    renamed = builder.name_results()
    module, constants = parameterise(builder.get(), len(inputs), weights, builder.names, renamed)
    function = module["main"]
    origins = {renamed.get(key, key): origin for key, origin in builder.origins.items()}
    bindings = [binding for block in function.body.blocks for binding in block.bindings]
    variables = [binding.var for binding in bindings]
    _check_shapes(variables, origins, {dim.name for dim in dims})
    _check_sizes(variables, origins)
    _check_reshapes(bindings, origins, dims)
    given = tuple(
        _spec(name, variable.ty)
        for name, variable in zip(inputs, function.params[: len(inputs)], strict=True)
    )
    types = [function.ret_ty] if len(outputs) == 1 else list(function.ret_ty.fields)
    returned = tuple(_spec(name, type_) for name, type_ in zip(outputs, types, strict=True))
    used = {name for spec in (*given, *returned) for dim in spec.shape for name in dim_names(dim)}
    return Program(
        name=name,
        signature=Signature(given, returned, tuple(dim for dim in dims if dim.name in used)),
        module=module,
        constants=MappingProxyType(constants),
        origins=MappingProxyType(
            {
                variable.name: origins[variable.name]
                for variable in variables
                if variable.name in origins
            }
        ),
    )


def _check_shapes(
    variables: Sequence[Any], origins: Mapping[str, Origin], dims: Container[str]
) -> None:
    """Raise ModelError that names the nodes whose shapes don't follow from the input's `dims`."""
    found = [
        origins[variable.name]
        for variable in variables
        if variable.name in origins and not _follows(variable.ty, dims)
    ]
    if found:
        raise ModelError(
            "The shapes of these values can't be told from the shapes of the inputs: "
            f"{_names(found)}. Give every input a fixed shape (--input NAME=DTYPE[SHAPE]); where a "
            "shape depends on the inputs' values, pyjsml can't compile the model."
        )


def _check_sizes(variables: Sequence[Any], origins: Mapping[str, Origin]) -> None:
    """Raise ModelError that names the nodes whose values have an axis of no elements."""
    found = [
        origins[variable.name]
        for variable in variables
        if variable.name in origins
        and any(isinstance(size, int) and size <= 0 for size in _shape(variable.ty) or ())
    ]
    if found:
        raise ModelError(
            f"The values of these nodes have no elements, whatever the inputs: {_names(found)}. "
            "pyjsml compiles no such values: leave them out of the model."
        )


def _check_reshapes(
    bindings: Sequence[Any], origins: Mapping[str, Origin], dims: Sequence[Dim]
) -> None:
    """Raise ModelError that names the reshapes that fit for some values of `dims` alone."""
    found = [
        origins[binding.var.name]
        for binding in bindings
        if binding.var.name in origins
        and getattr(getattr(binding.value, "op", None), "name", "") == "relax.reshape"
        and not _same_count(_shape(binding.value.args[0].ty), _shape(binding.var.ty), dims)
    ]
    if found:
        raise ModelError(
            "What these nodes reshape has so many elements for some lengths of its axes alone: "
            f"{_names(found)}. Give the inputs the shapes that the model is made for (--input "
            "NAME=DTYPE[SHAPE])."
        )


def _same_count(before: Shape | None, after: Shape | None, dims: Sequence[Dim]) -> bool:
    """Tell whether two shapes have equally many elements, tried with an even and an odd length."""
    return all(
        evaluate(product(before or ()), binding) == evaluate(product(after or ()), binding)
        for size in (2, 7)
        for binding in [{dim.name: max(size, dim.min) for dim in dims}]
    )


def _names(origins: Sequence[Origin]) -> str:
    """Write the nodes of `origins`, each once; of more than three the number of the rest."""
    nodes = list(dict.fromkeys(f"{origin.kind} {origin.node!r}".strip() for origin in origins))
    return f"{', '.join(nodes[:3])}{f' and {len(nodes) - 3} more' if nodes[3:] else ''}"


def _shape(type_: Any) -> Shape | None:
    return shape_of(type_) if isinstance(type_, relax.TensorType) else None


def _follows(type_: Any, dims: Container[str]) -> bool:
    if not isinstance(type_, relax.TensorType):
        return True
    shape = shape_of(type_)
    return shape is not None and all(name in dims for dim in shape for name in dim_names(dim))


def _spec(name: str, type_: Any) -> TensorSpec:
    if not isinstance(type_, relax.TensorType):
        raise ModelError(f"{name!r} is no tensor: pyjsml takes models that give tensors.")
    shape = shape_of(type_)
    if shape is None:
        raise ModelError(f"The shape of {name!r} can't be told from the shapes of the inputs.")
    return TensorSpec(name, str(type_.dtype.dtype), shape)
