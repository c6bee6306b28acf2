"""Copies of tensors, laid side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tvm import relax

if TYPE_CHECKING:
    from pyjsml.frontend.builder import NodeBuilder


def tiled(builder: NodeBuilder, data: Any, times: Sequence[Any]) -> Any:
    """Return so many copies of `data` along each axis, of which the last are its own.

    `times` are ints or TIR expressions: TVM's own operators take ints alone. Each copy is an axis
    of its own, merged into the one behind it.
    """
    shape = [1] * (len(times) - data.ty.ndim) + list(data.ty.shape)
    apart = [size for dim in shape for size in (1, dim)]
    copied = [size for pair in zip(times, shape, strict=True) for size in pair]
    merged = [copies * dim for copies, dim in zip(times, shape, strict=True)]
    data = builder.emit(relax.op.reshape(data, apart))
    return builder.emit(relax.op.reshape(relax.op.broadcast_to(data, copied), merged))
