"""ATen operators whose conversion in TVM is missing or wrong, and those that need none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from pyjsml.frontend.tensors import dtype_name

IGNORED = frozenset(
    {
        "_assert_async.default",
        "_assert_async.msg",
        "_assert_scalar.default",
        "_assert_tensor_metadata.default",
        "sym_constrain_range.default",
        "sym_constrain_range_for_size.default",
    }
)
"""Assertions about shapes and dtypes, which the import itself checks."""


def converters(importer: Any) -> dict[str, Callable[[Any], Any]]:
    """Return our converters by operator name; each takes a graph node and returns a Relax value."""

    env, builder = importer.env, importer.block_builder

    def clone(node: Any) -> Any:
        return env[node.args[0]]

    def elu(node: Any) -> Any:
        # TVM's own drops the two scales, which make it SELU.
        data, alpha, scale, input_scale = (*importer.retrieve_args(node), 1, 1, 1)[:4]
        dtype = str(data.ty.dtype.dtype)
        zero, one = relax.const(0, dtype), relax.const(1, dtype)
        below = relax.op.exp(relax.op.multiply(data, relax.const(input_scale, dtype)))
        below = relax.op.subtract(relax.op.minimum(builder.emit(below), one), one)
        below = relax.op.multiply(builder.emit(below), relax.const(alpha * scale, dtype))
        above = relax.op.multiply(relax.op.maximum(data, zero), relax.const(scale, dtype))
        return builder.emit(relax.op.add(above, below))

    def embedding(node: Any) -> Any:
        # TVM's own reads whatever lies behind the table for an index that is too large.
        return builder.emit(relax.op.take(env[node.args[0]], env[node.args[1]], 0, mode="clip"))

    def instance_norm(node: Any) -> Any:
        # TVM's own takes the running variance for epsilon, and doesn't know running statistics.
        data, weight, bias, mean, variance, of_input, _, epsilon, _ = importer.retrieve_args(node)
        channels, dtype = data.ty.shape[1], data.ty.dtype
        weight = relax.op.ones((channels,), dtype) if weight is None else weight
        bias = relax.op.zeros((channels,), dtype) if bias is None else bias
        if of_input:
            axes = list(range(2, data.ty.ndim))
            return builder.emit(
                relax.op.nn.instance_norm(data, weight, bias, 1, axes, epsilon=epsilon)
            )
        normalised = relax.op.nn.batch_norm(
            data, weight, bias, mean, variance, axis=1, epsilon=epsilon, training=False
        )
        return builder.emit(relax.TupleGetItem(builder.emit(normalised), 0))

    def empty(node: Any) -> Any:
        value = node.meta["val"]
        shape = relax.ShapeExpr([importer._size(size) for size in value.shape])
        return builder.emit(relax.op.zeros(shape, dtype_name(value.dtype)))

    def extreme(reduce: Callable[..., Any]) -> Callable[[Any], Any]:
        def convert(node: Any) -> Any:
            data, *rest = importer.retrieve_args(node)
            axes = rest[0] if rest else []
            axes = [axes] if isinstance(axes, int) else list(axes)
            keep = bool(rest[1]) if rest[1:] else False
            return builder.emit(reduce(data, axes or None, keepdims=keep))

        return convert

    def linear(node: Any) -> Any:
        # TVM's own always adds up in float32, and then can't add a bias of another dtype.
        weight = relax.op.permute_dims(env[node.args[1]])
        product = builder.emit(relax.op.matmul(env[node.args[0]], weight))
        bias = node.args[2] if len(node.args) > 2 else node.kwargs.get("bias")
        return product if bias is None else builder.emit(relax.op.add(product, env[bias]))

    def matmul(node: Any) -> Any:
        return builder.emit(relax.op.matmul(env[node.args[0]], env[node.args[1]]))

    def nearest(node: Any) -> Any:
        # TVM's own rounds to the nearest centre; torch takes the pixel in which a corner lies.
        data = env[node.args[0]]
        sizes = [importer._size(size) for size in node.meta["val"].shape[2:]]
        scales = node.args[-1] if isinstance(node.args[-1], list | tuple) else ()
        if any(not float(scale).is_integer() for scale in scales or () if scale is not None):
            for axis, scale in enumerate(node.args[-1], start=2):
                indices = np.floor(np.arange(int(sizes[axis - 2])) / scale).astype(np.int64)
                data = builder.emit(relax.op.take(data, relax.const(indices, "int64"), axis))
            return data
        return builder.emit(
            relax.op.image.resize2d(
                data,
                relax.ShapeExpr(sizes),
                [0.0] * 4,
                layout="NCHW",
                method="nearest_neighbor",
                coordinate_transformation_mode="asymmetric",
                rounding_method="floor",
            )
        )

    def repeat(node: Any) -> Any:
        # TVM's own takes no dims. Each copy is an axis of its own, merged into the one behind it.
        data, times = env[node.args[0]], importer.retrieve_args(node)[1]
        shape = [1] * (len(times) - data.ty.ndim) + list(data.ty.shape)
        apart = [size for dim in shape for size in (1, dim)]
        copied = [size for pair in zip(times, shape, strict=True) for size in pair]
        merged = [copies * dim for copies, dim in zip(times, shape, strict=True)]
        data = builder.emit(relax.op.reshape(data, apart))
        return builder.emit(relax.op.reshape(relax.op.broadcast_to(data, copied), merged))

    return {
        "amax.default": extreme(relax.op.max),
        "amin.default": extreme(relax.op.min),
        "bmm.default": matmul,
        "clone.default": clone,
        "elu.default": elu,
        "embedding.default": embedding,
        "empty.memory_format": empty,
        "instance_norm.default": instance_norm,
        "linear.default": linear,
        "matmul.default": matmul,
        "mm.default": matmul,
        "prod.dim_int": extreme(relax.op.prod),
        "repeat.default": repeat,
        "upsample_nearest2d.default": nearest,
        "upsample_nearest2d.vec": nearest,
    }
