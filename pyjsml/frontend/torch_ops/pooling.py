"""Pools."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import partial
from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.torch_ops.common import arguments, dtype_of, operand, sizes_of
from pyjsml.kernels.ops.adaptive import adaptive_max
from pyjsml.kernels.ops.windowed import Windows, where_largest


def average_pool(importer: Any, node: Any) -> Any:
    """Convert avg_pool2d and 3d; TVM's own drop a divisor other than the size of the windows."""
    spatial = 2 if "2d" in str(node.target) else 3
    given = arguments(importer, node, [], 0, False, True, None)
    x, kernel, stride, padding, ceil, _, divisor = given
    if divisor is None:
        return importer._avg_pool2d(node) if spatial == 2 else importer._avg_pool3d(node)
    if ceil:
        raise ModelError("a divisor together with ceil_mode can't be compiled")
    pool = importer._avg_pool2d_impl if spatial == 2 else importer._avg_pool3d_impl
    size = math.prod(kernel) if len(kernel) == spatial else kernel[0] ** spatial
    scale = relax.const(size / divisor, dtype_of(x))
    return importer.block_builder.emit(
        relax.op.multiply(pool(x, kernel, stride, padding, False, True), scale)
    )


def adaptive_max_pool(importer: Any, node: Any) -> Any:
    """Convert adaptive_max_pool2d and 3d, but not the places of their maxima."""
    x, largest = importer.env[node.args[0]], node.meta["val"][0]
    spatial = 2 if "2d" in str(node.target) else 3
    axes = list(range(x.ty.ndim - spatial, x.ty.ndim))
    pool = partial(adaptive_max, sizes=sizes_of(importer, largest)[-spatial:], axes=axes)
    return importer.block_builder.emit_te(pool, x, primfunc_name_hint="adaptive_max")


def max_pool(importer: Any, node: Any) -> Any:
    """Convert max_pool2d and 3d; for the places of the maxima TVM gives zeros."""
    spatial = 2 if "2d" in str(node.target) else 3
    convert = (
        importer._max_pool2d_with_indices if spatial == 2 else importer._max_pool3d_with_indices
    )
    pooled = convert(node)
    if not any(user.target is operator.getitem and user.args[1] for user in node.users):
        return pooled
    builder = importer.block_builder
    x, *given = arguments(importer, node, [], 0, 1, False)[:5]
    kernel, strides, padding, dilations = (
        list(each) * spatial if len(each) == 1 else list(each)
        for each in (part if isinstance(part, Sequence) else [part] for part in given)
    )
    whole = sizes_of(importer, node.args[0].meta["val"])
    shape = sizes_of(importer, node.meta["val"][0])
    rest = [1] * (spatial + 2 - len(whole))  # of a single picture
    find = partial(
        where_largest,
        sizes=shape[-spatial:],
        windows=Windows(kernel, strides or kernel, dilations, padding),
        column_major=False,
    )
    x = builder.emit(relax.op.reshape(x, [*rest, *whole]))
    places = builder.emit_te(find, x, primfunc_name_hint="where_largest")
    # They count within a channel.
    size = operand(importer, builder.simplify(math.prod(whole[-spatial:])), "int64")
    within = builder.emit(relax.op.floor_mod(places, size))
    value = builder.emit(relax.TupleGetItem(pooled, 0))
    return value, builder.emit(relax.op.reshape(within, shape))
