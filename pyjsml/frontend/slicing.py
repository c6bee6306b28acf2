"""Slices as numpy takes them, with lengths that follow from what is known of the dims.

Relax's own inference cuts every bound to the axis's length, and knows of no dim that it is 1 or
more: the first element of an axis of length n would be min(1, n) elements, which nothing can be
broadcast with. So bounds are cut here, and Relax takes them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tvm import relax, tirx

if TYPE_CHECKING:
    from pyjsml.frontend.builder import NodeBuilder


def strided_slice(
    builder: NodeBuilder,
    data: Any,
    axes: Sequence[int],
    starts: Sequence[Any],
    ends: Sequence[Any],
    steps: Sequence[int],
) -> Any:
    """Return `data[starts:ends:steps]` along `axes`; a negative step walks backwards.

    `starts` and `ends` are ints or TIR expressions; negative ints count from the end of the axis.
    """
    bounds: list[list[Any]] = [[], [], [], []]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        axis %= data.ty.ndim
        size = data.ty.shape[axis]
        if step < 0:
            # What is at position p lies at size - 1 - p in the axis turned round.
            data = builder.emit(relax.op.flip(data, axis))
            start, end = _mirrored(start, size), _mirrored(end, size)
        first = within(builder, start, size)
        last = builder.simplify(tirx.max(first, within(builder, end, size)))
        for column, value in zip(bounds, (axis, first, last, abs(step)), strict=True):
            column.append(value)
    return relax.op.strided_slice(data, *bounds, assume_inbound=True)


def _mirrored(position: Any, size: Any) -> Any:
    """Return where `position` comes to lie in an axis turned round; a negative one is counted."""
    if isinstance(position, int) and position < 0:
        return tirx.max(0, -1 - position)
    return tirx.max(0, size - 1 - position)


def within(builder: NodeBuilder, position: Any, size: Any) -> Any:
    """Return `position`, counted from the start of an axis of length `size`, and cut to it."""
    if isinstance(position, int) and position < 0:
        position = tirx.max(position + size, 0)
    return builder.simplify(tirx.min(position, size))
