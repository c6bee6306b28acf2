"""Turn the operators that are left into calls of TIR functions; only reshapes stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tvm
from tvm import relax

from pyjsml.errors import UnsupportedOpError
from pyjsml.optimize import activations, extremes, indexing, pooling, quantize, softmax, sorting
from pyjsml.optimize.rewrite import bindings, op_name, operands, rebuild
from pyjsml.program import Origin

LOWERED = frozenset({"relax.call_tir", "relax.reshape"})


def legalize(module: tvm.IRModule, origins: Mapping[str, Origin]) -> tvm.IRModule:
    """Return `module` in calls of TIR functions and reshapes.

    Raises UnsupportedOpError, with every operator that has no TIR definition.
    """
    try:
        lowered = _lower(module)
    except Exception as error:
        # TVM's own words name neither the node nor more than the first of them.
        _refuse(module, _fails, origins, error)
        raise
    _refuse(lowered, _is_left, origins)
    return relax.transform.AnnotateTIROpPattern()(lowered)


def _lower(module: tvm.IRModule) -> tvm.IRModule:
    definitions: dict[str, Any] = {}
    for family in (activations, extremes, indexing, pooling, quantize, softmax, sorting):
        definitions |= family.LEGALIZE
    module = relax.transform.LegalizeOps(definitions, skip_ops=["relax.reshape"])(module)
    # The pass names what it binds in between without a look at the names that there are.
    return rebuild(module, lambda builder, var, value: value)


def _refuse(
    module: tvm.IRModule,
    refused: Callable[[relax.VarBinding], bool],
    origins: Mapping[str, Origin],
    cause: Exception | None = None,
) -> None:
    """Raise UnsupportedOpError if there are operators in `module` that are `refused`."""
    problems = []
    for binding in bindings(module):
        if refused(binding):
            origin = origins.get(binding.var.name, Origin(binding.var.name))
            operator = op_name(binding.value).removeprefix("relax.") or binding.value.op
            problems.append(f"{operator} at {origin}")
    if problems:
        raise UnsupportedOpError("pyjsml has no kernels for these operators:", problems) from cause


def _is_left(binding: relax.VarBinding) -> bool:
    return isinstance(binding.value, relax.Call) and op_name(binding.value) not in LOWERED


def _fails(binding: relax.VarBinding) -> bool:
    """Tell whether an operator can't be lowered even if it is all that there is."""
    if not _is_left(binding):
        return False
    builder = relax.BlockBuilder()
    with builder.function("main", params=list(dict.fromkeys(operands(binding.value)))):
        builder.emit_func_output(builder.emit(binding.value))
    try:
        alone = _lower(builder.finalize())
    except Exception:
        return True
    return any(map(_is_left, bindings(alone)))
