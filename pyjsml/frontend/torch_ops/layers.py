"""Layers with weights."""

from __future__ import annotations

from typing import Any

from tvm import relax


def convolution(importer: Any, node: Any) -> Any:
    """Convert convolution; TVM's own knows no transposed one of volumes."""
    x, weight, bias, stride, padding, dilation, transposed, added, groups = importer.retrieve_args(
        node
    )
    if not transposed or x.ty.ndim != 5:
        return importer._convolution(node)
    builder = importer.block_builder
    result = builder.emit(
        relax.op.nn.conv3d_transpose(x, weight, stride, padding, added, dilation, groups)
    )
    if bias is None:
        return result
    return builder.emit(relax.op.add(result, relax.op.reshape(bias, [1, -1, 1, 1, 1])))


def embedding(importer: Any, node: Any) -> Any:
    """Convert embedding."""
    table, ids = (importer.env[each] for each in node.args[:2])
    return importer.block_builder.emit(relax.op.take(table, ids, 0, mode="clip"))


def group_norm(importer: Any, node: Any) -> Any:
    """Convert group_norm; TVM's own can't do without weights."""
    data, weight, bias, _, _, _, groups, epsilon = importer.retrieve_args(node)
    axes = list(range(2, data.ty.ndim))
    weight, bias = _affine(data, weight, bias)
    return importer.block_builder.emit(
        relax.op.nn.group_norm(data, weight, bias, groups, 1, axes, epsilon=epsilon)
    )


def instance_norm(importer: Any, node: Any) -> Any:
    """Convert instance_norm; TVM's own takes the running variance for epsilon."""
    builder = importer.block_builder
    data, weight, bias, mean, variance, of_input, _, epsilon, _ = importer.retrieve_args(node)
    weight, bias = _affine(data, weight, bias)
    if of_input:
        axes = list(range(2, data.ty.ndim))
        return builder.emit(relax.op.nn.instance_norm(data, weight, bias, 1, axes, epsilon=epsilon))
    normalised = relax.op.nn.batch_norm(
        data, weight, bias, mean, variance, axis=1, epsilon=epsilon, training=False
    )
    return builder.emit(relax.TupleGetItem(builder.emit(normalised), 0))


def linear(importer: Any, node: Any) -> Any:
    """Convert linear; TVM's own always adds up in float32, and then can't add another bias."""
    env, builder = importer.env, importer.block_builder
    weight = relax.op.permute_dims(env[node.args[1]])
    product = builder.emit(relax.op.matmul(env[node.args[0]], weight))
    bias = node.args[2] if len(node.args) > 2 else node.kwargs.get("bias")
    return product if bias is None else builder.emit(relax.op.add(product, env[bias]))


def matmul(importer: Any, node: Any) -> Any:
    """Convert a matrix product in its operands' dtype."""
    left, right = (importer.env[each] for each in node.args[:2])
    return importer.block_builder.emit(relax.op.matmul(left, right))


def _affine(data: Any, weight: Any, bias: Any) -> tuple[Any, Any]:
    """Return the weight and the bias of each channel, where they lack those that change nothing."""
    channels, dtype = data.ty.shape[1], data.ty.dtype
    weight = relax.op.ones((channels,), dtype) if weight is None else weight
    bias = relax.op.zeros((channels,), dtype) if bias is None else bias
    return weight, bias
