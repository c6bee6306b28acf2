"""Views of the memory that a tensor lies in."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.errors import ModelError
from pyjsml.frontend.torch_ops.common import operand


def as_strided(importer: Any, node: Any) -> Any:
    """Convert as_strided of a tensor whose elements lie in memory in order."""
    builder = importer.block_builder
    whole = node.args[0].meta["val"]
    data, sizes, strides, *rest = importer.retrieve_args(node)
    if not whole.is_contiguous() or whole.storage_offset() != 0:
        raise ModelError(
            "a view with strides is only compiled of a tensor that lies in memory in order: call "
            "contiguous() before"
        )
    offset = rest[0] if rest else node.kwargs.get("storage_offset")
    places = operand(importer, 0 if offset is None else offset, "int64")
    for axis, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        steps = builder.emit(relax.op.arange(0, size, 1, "int64"))
        steps = builder.emit(relax.op.multiply(steps, operand(importer, stride, "int64")))
        shape = [size if each == axis else 1 for each in range(len(sizes))]
        places = builder.emit(relax.op.add(places, relax.op.reshape(steps, shape)))
    return builder.emit(relax.op.take(relax.op.reshape(data, [-1]), places, 0))
