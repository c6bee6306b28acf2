"""The last step of every importer: a Relax function and what is known about it become a Program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tvm import relax

from pyjsml.dims import names as dim_names
from pyjsml.errors import ModelError
from pyjsml.frontend.constants import Weights, parameterise
from pyjsml.frontend.symbolic import shape_of
from pyjsml.program import Dim, Program, Signature, TensorSpec

if TYPE_CHECKING:
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
    given = tuple(
        _spec(name, variable.ty)
        for name, variable in zip(inputs, function.params[: len(inputs)], strict=True)
    )
    types = [function.ret_ty] if len(outputs) == 1 else list(function.ret_ty.fields)
    returned = tuple(_spec(name, type_) for name, type_ in zip(outputs, types, strict=True))
    used = {name for spec in (*given, *returned) for dim in spec.shape for name in dim_names(dim)}
    bindings = {binding.var.name for block in function.body.blocks for binding in block.bindings}
    return Program(
        name=name,
        signature=Signature(given, returned, tuple(dim for dim in dims if dim.name in used)),
        module=module,
        constants=MappingProxyType(constants),
        origins=MappingProxyType(
            {
                renamed.get(key, key): origin
                for key, origin in builder.origins.items()
                if renamed.get(key, key) in bindings
            }
        ),
    )


def _spec(name: str, type_: Any) -> TensorSpec:
    if not isinstance(type_, relax.TensorType):
        raise ModelError(f"{name!r} is no tensor: pyjsml takes models that give tensors.")
    shape = shape_of(type_)
    if shape is None:
        raise ModelError(
            f"The shape of {name!r} can't be told from the shapes of the inputs. Give every input "
            "a fixed shape with --input NAME=DTYPE[SHAPE]."
        )
    return TensorSpec(name, str(type_.dtype.dtype), shape)
