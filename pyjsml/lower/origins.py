"""Which part of the user's model each op comes from."""

from __future__ import annotations

from tvm import relax

from pyjsml.optimize.rewrite import bindings
from pyjsml.program import Fusion, Origin, Program


def origins_of_ops(program: Program) -> dict[str, tuple[Origin, ...]]:
    """Return the origins of each binding of `main`, its own one last.

    What the compiler put in between, such as padding and packing, has the origins of what reads it.
    """
    found: dict[str, tuple[Origin, ...]] = {}
    wanted: dict[relax.Var, tuple[Origin, ...]] = {}
    for binding in reversed(list(bindings(program.module))):
        name = binding.var.name
        members = program.fusions.get(name, Fusion("", (name,))).members
        own = tuple(program.origins[member] for member in members if member in program.origins)
        found[name] = own or wanted.get(binding.var, ())
        for var in relax.analysis.free_vars(binding.value):
            wanted.setdefault(var, found[name])
    return found
