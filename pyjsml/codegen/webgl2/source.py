"""The stages of a function, in the form that shaders can have: each element reads, none is sent."""

from __future__ import annotations

from tvm import tirx

from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.kernels.gathered.gathered import gathered
from pyjsml.kernels.tir.expression import constant
from pyjsml.kernels.tir.stage import Stage, Stages, read_stages

MOST_STEPS = 4096
"""How many elements each one may look through where WebAssembly takes a single step for each."""


def stages_of(func: tirx.PrimFunc) -> Stages:
    """Return the stages of `func`; NoShaderError where it has no such form, or one too slow."""
    function = read_stages(func)
    if function is not None:
        return function
    other = gathered(func)
    function = None if other is None else read_stages(other)
    if function is None:
        raise NoShaderError("it is loops of its own, not an expression for each element")
    most = max(map(_steps, function.stages))
    if most > MOST_STEPS:
        raise NoShaderError(
            f"each element would look through {most} others, and shaders do through {MOST_STEPS}"
        )
    return function


def _steps(stage: Stage) -> int:
    """Count what a point of `stage` loops over, as far as that is known."""
    steps = 1
    for axis in stage.reduced:
        steps *= constant(axis.extent) or 1
    return steps
