"""Pools."""

from __future__ import annotations

import math
import operator
from functools import partial
from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.torch_ops.common import arguments, dtype_of, sizes_of
from pyjsml.kernels.ops.adaptive import adaptive_max


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
    """Convert max_pool2d and 3d, but not the places of the maxima, for which TVM gives zeros."""
    if any(user.target is operator.getitem and user.args[1] for user in node.users):
        raise ModelError(f"of what {node.target} gives only the first can be compiled")
    if "2d" in str(node.target):
        return importer._max_pool2d_with_indices(node)
    return importer._max_pool3d_with_indices(node)
