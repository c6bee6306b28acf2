"""What a kernel computes, in one line: kernels of one line want the same loops."""

from __future__ import annotations

from typing import Any

from pyjsml.kernels.scheduled import Scheduled
from pyjsml.kernels.tir.expression import constant, dtype
from pyjsml.kernels.tir.stage import Stages, reads


def shape_key(scheduled: Scheduled) -> str:
    """Return the first reduction of `scheduled`: its name, its operands and its result.

    What follows the reduction is left out, as it costs little beside it. A dim that varies is `?`.
    """
    function = scheduled.stages
    assert function is not None
    stage = next(stage for stage in function.stages if stage.reduced)
    operands = dict.fromkeys(load.source for load in reads(stage))
    read = [_buffer(function, buffer) for buffer in operands]
    extents = [axis.extent for axis in stage.reduced]
    (result, *_) = (write.buffer for write in stage.writes)
    name = stage.name.removesuffix("_intermediate")
    return f"{name} {' '.join(read)} over {_shape(extents)} -> {_buffer(function, result)}"


def _buffer(function: Stages, buffer: Any) -> str:
    return f"{dtype(buffer)}{_shape(function.shape(buffer))}"


def _shape(extents: list[Any]) -> str:
    sizes = (constant(extent) for extent in extents)
    return f"[{','.join('?' if size is None else str(size) for size in sizes)}]"
