"""Compile for WebGL2: functions to passes of fragment shaders in GLSL ES 3.00."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pyjsml.cache import ObjectCache
from pyjsml.codegen.webgl2.kept import kept
from pyjsml.codegen.webgl2.passes import make_shader
from pyjsml.codegen.webgl2.refusal import NoShaderError, failed
from pyjsml.codegen.webgl2.sharing import share
from pyjsml.dims import Expr
from pyjsml.program import Program, Shader

__all__ = ["Shaders", "make_shaders"]


@dataclass(frozen=True)
class Shaders:
    """Shaders by function, and of the functions that have none why not."""

    made: Mapping[str, Shader]
    refused: Mapping[str, str]


def make_shaders(
    program: Program, borrowed: Mapping[str, Sequence[Expr]], cache: ObjectCache | None
) -> Shaders:
    """Make the shaders of what runs in the main block; weights are packed by WebAssembly.

    `borrowed` has by function the memory that its kernel of WebAssembly takes as further outputs.
    What `cache` has is taken from there.
    """
    make = make_shader if cache is None else kept(make_shader, cache)
    made: dict[str, Shader] = {}
    refused: dict[str, str] = {}
    wanted = dict.fromkeys(op.kernel for op in program.graph.main.ops if op.kernel)
    for name in wanted:
        function, workspaces = program.functions[name], len(borrowed[name])
        try:
            made[name] = make(function, workspaces)
        except NoShaderError as reason:
            refused[name] = str(reason)
        except Exception as error:
            # The op runs on WebAssembly as well, so a mistake in here need not cost the bundle.
            refused[name] = failed(error)
    return Shaders(MappingProxyType(share(made)), MappingProxyType(refused))
