"""What a schedule hands to code generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx

from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.tir.stage import Stages


@dataclass(frozen=True)
class Scheduled:
    """A function with its loops written out.

    `params` are the buffers of the inputs and outputs, then those that the caller lends for the
    duration of a call, of as many bytes as `workspace` says. `dims` are 32-bit, and `binds` derive
    from them what else the body names. `begin` and `end` slice the outermost loop, whose length is
    `extent`. The loop is made of `rounds` of equal length, each of which needs all of those before
    it, and a point of it takes `flops` beside those of `stages`.
    `stages` is what the loops compute, where that is known, and `guests` are those of its
    temporaries that lie in the output until it is written. The stages run one after the other for
    each point of their common axes, or, `interleaved`, as one loop nest. `parameters`
    say how the loops were cut, where there was a choice.
    """

    params: tuple[tirx.Var, ...]
    workspace: tuple[Any, ...]
    dims: tuple[tirx.Var, ...]
    begin: tirx.Var
    end: tirx.Var
    extent: Any
    body: tirx.Stmt
    binds: tuple[tirx.Stmt, ...] = ()
    stages: Stages | None = None
    guests: tuple[tirx.Var, ...] = ()
    interleaved: bool = False
    parameters: Parameters | None = None
    rounds: Any = 1
    flops: int = 0
