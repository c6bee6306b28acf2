"""Which stages are computed where they are read, rather than drawn into a texture of their own."""

from __future__ import annotations

from tvm import ir

from pyjsml.codegen.webgl2.parts import sources
from pyjsml.kernels.tir.expression import constant, loads, uses
from pyjsml.kernels.tir.inline import is_cheap, loads_of
from pyjsml.kernels.tir.stage import Axis, Stage

MOST_INLINED = 8
"""How many tensors what is put into its readers reads at most: all of them must fit into a draw."""


def worthwhile(producer: Stage, readers: list[Stage]) -> bool:
    """Tell whether to compute `producer` in its readers.

    Fetches are what costs: a stage that makes one load of one is put in wherever it is read, and
    any other one only where each of its elements is read once.
    """
    value = producer.writes[0].value
    if len(sources([value])) > MOST_INLINED:
        return False
    if len(loads(value)) <= 1 and is_cheap(value):
        return True
    found = [(reader, load) for reader in readers for load in loads_of(reader, producer)]
    if len(found) > 1:
        return False
    ((reader, load),) = found
    axes = [axis for axis in (*reader.axes, *reader.reduced) if constant(axis.extent) != 1]
    return all(uses(list(load.indices), [axis.var]) for axis in axes) and not _slides(load, axes)


def _slides(load: ir.TensorLoad, axes: list[Axis]) -> bool:
    """Tell whether an index adds up axes, as a window over its input does."""
    return any(sum(uses(index, [axis.var]) for axis in axes) > 1 for index in load.indices)
