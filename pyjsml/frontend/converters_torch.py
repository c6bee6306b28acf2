"""ATen operators whose conversion in TVM is missing or wrong, and those that need none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

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

    def embedding(node: Any) -> Any:
        # TVM's own reads whatever lies behind the table for an index that is too large.
        return builder.emit(relax.op.take(env[node.args[0]], env[node.args[1]], 0, mode="clip"))

    def linear(node: Any) -> Any:
        # TVM's own always adds up in float32, and then can't add a bias of another dtype.
        weight = relax.op.permute_dims(env[node.args[1]])
        product = builder.emit(relax.op.matmul(env[node.args[0]], weight))
        bias = node.args[2] if len(node.args) > 2 else node.kwargs.get("bias")
        return product if bias is None else builder.emit(relax.op.add(product, env[bias]))

    def matmul(node: Any) -> Any:
        return builder.emit(relax.op.matmul(env[node.args[0]], env[node.args[1]]))

    return {
        "bmm.default": matmul,
        "clone.default": clone,
        "embedding.default": embedding,
        "linear.default": linear,
        "matmul.default": matmul,
        "mm.default": matmul,
    }
