"""Concatenations along channels that what reads them reads part by part, where the parts lie.

A product or convolution runs over the channels of its operand anyway: over those of one part after
those of the other it needs no copy of both. So the concatenation becomes part of its kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import tvm
from tvm import relax, tirx

from pyjsml.kernels.lanes import LANES
from pyjsml.kernels.ops.layout import PANEL
from pyjsml.optimize.rewrite import (
    bindings,
    dtype_of,
    emit,
    op_name,
    rebuild,
    same_shape,
    shape_of,
    use_counts,
)
from pyjsml.optimize.simplify import lookup, reshape
from pyjsml.program import Origin

READERS = ("matmul", "conv2d")
"""The functions that read parts; the channels are the last axis of their first operand.

A Winograd convolution is none: it reads a few pixels of many rows at a time, which takes it as much
longer as it takes to copy the parts in order.
"""

POOLS = ("relax.nn.max_pool2d", "relax.nn.avg_pool2d")
"""Pools of pictures, which take each channel by itself."""

MOST = 4
"""How many parts a kernel reads at most: it has loops of their own for each."""


def expose_parts(
    module: tvm.IRModule, origins: Mapping[str, Origin]
) -> tuple[tvm.IRModule, dict[str, Origin]]:
    """Return `module` with concatenations moved to what can read their parts.

    They go behind a pool, whose result is smaller, and behind the reshape before a product. The
    second result is `origins`, with those of what has moved.
    """
    known = dict(origins)
    uses = {var.name: count for var, count in use_counts(module).items()}
    wanted = {var.name for var in _read_by_parts(module)}

    def joined(builder: relax.BlockBuilder, whole: relax.Expr) -> list[relax.Expr]:
        """Return the parts that `whole` is made of; none if there are others who read it."""
        value = lookup(builder, whole)
        if op_name(value) != "relax.concat" or uses.get(whole.name) != 1:
            return []
        parts = list(value.args[0].fields) if isinstance(value.args[0], relax.Tuple) else []
        return parts if are_parts(parts, whole) else []

    def bound(builder: relax.BlockBuilder, value: relax.Expr, source: relax.Expr) -> relax.Expr:
        """Bind `value`, which is of the origin of `source` but is not what the node computes."""
        made = builder.emit(value, name_hint=f"{source.name}_part")
        if source.name in known:
            known[made.name] = replace(known[source.name], output="")
        return made

    def transform(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        name = op_name(value)
        if name in POOLS and str(value.attrs.layout) == "NHWC":
            if parts := joined(builder, value.args[0]):
                pools = [relax.Call(value.op, [part], value.attrs) for part in parts]
                return relax.op.concat([bound(builder, pool, var) for pool in pools], -1)
        elif name == "relax.reshape" and var.name in wanted and uses.get(var.name) == 1:
            (whole, _), shape = value.args, list(shape_of(var))
            parts = joined(builder, whole)
            if parts and same_shape(shape_of(whole)[-1:], tuple(shape[-1:])):
                shapes = [[*shape[:-1], shape_of(part)[-1]] for part in parts]
                pairs = zip(parts, shapes, strict=True)
                views = [emit(builder, reshape(builder, *pair)) for pair in pairs]
                return bound(builder, relax.op.concat(views, -1), whole)
        return value

    module = relax.transform.DeadCodeElimination(["main"])(rebuild(module, transform))
    return module, known


def are_parts(parts: Sequence[relax.Expr], whole: relax.Expr) -> bool:
    """Say whether `whole`, a concatenation of `parts`, can be read part by part.

    It can along the last axis, if there are only some parts, of a known number of vectors each.
    """
    *rows, channels = shape_of(whole)
    sizes = [shape_of(part)[-1] for part in parts]
    if not all(isinstance(size, tirx.IntImm) for size in (*sizes, channels)):
        return False
    return (
        2 <= len(parts) <= MOST
        and dtype_of(whole) == "float32"
        and all(int(size) and int(size) % LANES == 0 for size in sizes)
        and sum(map(int, sizes)) == int(channels)
        and all(same_shape(shape_of(part)[:-1], tuple(rows)) for part in parts)
    )


def reads_parts(reader: relax.Call, whole: relax.Expr) -> bool:
    """Say whether `reader`, a call of a TIR function, reads a concatenation `whole` part by part.

    A product of a single row, or with few columns, has loops of another kind.
    """
    if op_name(reader) != "relax.call_tir" or not isinstance(reader.ty, relax.TensorType):
        return False
    function = re.sub(r"(?<=\D)\d+$", "", str(reader.args[0].name_hint))
    first, *others = reader.args[1].fields
    if function not in READERS or not whole.same_as(first) or any(map(whole.same_as, others)):
        return False
    (row, *_), columns = shape_of(whole), shape_of(reader)[-1]
    single = function == "matmul" and isinstance(row, tirx.IntImm) and int(row) == 1
    return not single and isinstance(columns, tirx.IntImm) and int(columns) >= PANEL


def _read_by_parts(module: tvm.IRModule) -> Iterator[relax.Var]:
    for binding in bindings(module):
        if op_name(binding.value) == "relax.call_tir":
            for first in list(binding.value.args[1].fields)[:1]:
                if isinstance(first, relax.Var) and reads_parts(binding.value, first):
                    yield first
