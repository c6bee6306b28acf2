"""Turn the operators that are left into calls of TIR functions; only reshapes stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import relax

from pyjsml.errors import UnsupportedOpError
from pyjsml.optimize import indexing, quantize, sorting
from pyjsml.optimize.rewrite import bindings, op_name, rebuild
from pyjsml.program import Origin

LOWERED = frozenset({"relax.call_tir", "relax.reshape"})


def legalize(module: tvm.IRModule, origins: Mapping[str, Origin]) -> tvm.IRModule:
    """Return `module` in calls of TIR functions and reshapes.

    Raises UnsupportedOpError, with every operator that has no TIR definition.
    """
    definitions = {**indexing.LEGALIZE, **sorting.LEGALIZE, **quantize.LEGALIZE}
    module = relax.transform.LegalizeOps(definitions, skip_ops=["relax.reshape"])(module)
    # The pass names what it binds in between without a look at the names that there are.
    module = rebuild(module, lambda builder, var, value: value)
    problems: list[str] = []
    for binding in bindings(module):
        name = op_name(binding.value)
        if isinstance(binding.value, relax.Call) and name not in LOWERED:
            origin = origins.get(binding.var.name, Origin(binding.var.name))
            problems.append(f"{name.removeprefix('relax.') or binding.value.op} at {origin}")
    if problems:
        raise UnsupportedOpError("pyjsml has no kernels for these operators:", problems)
    return relax.transform.AnnotateTIROpPattern()(module)
