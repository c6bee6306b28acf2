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

    return {"clone.default": clone, "embedding.default": embedding}
