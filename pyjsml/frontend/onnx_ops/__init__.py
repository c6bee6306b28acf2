"""ONNX operators whose conversion in TVM is missing or wrong, or says less than it could.

An operator that becomes a Relax operator, rather than TIR, can change its layout and fuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyjsml.frontend.onnx_ops import arithmetic, indexing, padding, resizing, shapes
from pyjsml.frontend.onnx_ops.common import Converter, NotConstantError


def converter(op_type: str, opset: int) -> Converter | None:
    """Return the converter of `op_type` here, or None if TVM's own is to be used."""
    if op_type == "Slice":
        return shapes.slice_1 if opset < 10 else None
    return _CONVERTERS.get(op_type)


_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "Clip": arithmetic.clip,
        "Gather": indexing.gather,
        "GatherElements": indexing.gather_elements,
        "GatherND": indexing.gather_nd,
        "Pad": padding.pad,
        "Pow": arithmetic.power,
        "ScatterElements": indexing.scatter_elements,
        "ScatterND": indexing.scatter_nd,
        "Resize": resizing.resize,
        "Upsample": resizing.upsample,
    }
)

__all__ = ["NotConstantError", "converter"]
