"""Which operators an ONNX model may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tvm.relax.frontend.onnx import onnx_frontend as tvm_onnx

from pyjsml.frontend import onnx_model
from pyjsml.frontend.onnx_ops import OPERATORS
from pyjsml.frontend.onnx_origins import origin_of
from pyjsml.frontend.onnx_unroll import MAX_NODES, MAX_STEPS
from pyjsml.frontend.unsupported import refuse

if TYPE_CHECKING:
    from onnx import ModelProto

    from pyjsml.program import Origin

_MICROSOFT = "com.microsoft"
_MICROSOFT_OPS = {
    "BiasAdd",
    "BiasGelu",
    "BiasSplitGelu",
    "DequantizeLinear",
    "DynamicQuantizeMatMul",
    "EmbedLayerNormalization",
    "FastGelu",
    "FusedConv",
    "Gelu",
    "MatMulIntegerToFloat",
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearGlobalAveragePool",
    "QLinearLeakyRelu",
    "QLinearMul",
    "QLinearSigmoid",
    "QLinearSoftmax",
    "QuantizeLinear",
    "QuickGelu",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
}
_SHARED_OPS = {"DequantizeLinear", "Gelu", "QuantizeLinear"}
"""Microsoft's operators that ONNX also has."""
_STEPS = (
    f"only steps of a number that the model fixes, of at most {MAX_STEPS}, are written out, and "
    f"not into more than {MAX_NODES} nodes"
)
_REASONS = {"Loop": _STEPS, "Scan": _STEPS}
"""Why operators are refused that are compiled in other models."""


def check_supported(model: ModelProto) -> None:
    """Raise UnsupportedOpError if the model, or a graph inside it, uses an unknown operator."""
    # TVM's Attention is Microsoft's of that name; ONNX's own has been taken apart.
    known = set(tvm_onnx._get_convert_map()) - {"Attention", *_REASONS} | OPERATORS | {"If"}
    found: dict[str, list[Origin]] = {}
    for node in onnx_model.nodes(model.graph):
        own = _MICROSOFT_OPS - _SHARED_OPS
        standard = not node.domain and node.op_type not in own
        microsoft = node.domain == _MICROSOFT and node.op_type in _MICROSOFT_OPS
        if (standard or microsoft) and node.op_type in known:
            continue
        operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        found.setdefault(operator, []).append(origin_of(node))
    refuse(found, _REASONS)
