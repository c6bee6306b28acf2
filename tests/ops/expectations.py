"""The cases that are not computed, each with the reason: the one list of them.

A case that is listed and is computed nevertheless fails its test, so the list stays true.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.op_cases import OpCase

NHWC = "an operator that ONNX Runtime's optimiser makes for itself, and no file has"
EMPTY = "axes of length 0: ONNX files write 0 for an axis of any length, which is 1 or more"
FLOAT16 = "WebAssembly has no arithmetic of float16"
INT4 = "4-bit tensors have no form in JavaScript"

OPERATORS: Mapping[str, str] = {
    "com.microsoft.Attention": "one of ONNX Runtime's fusions: export without them",
    "com.microsoft.GatherBlockQuantized": INT4,
    "com.microsoft.GroupQueryAttention": "one of ONNX Runtime's fusions: export without them",
    "com.microsoft.MatMulNBits": INT4,
    "com.microsoft.MultiHeadAttention": "one of ONNX Runtime's fusions: export without them",
    "com.microsoft.RotaryEmbedding": "one of ONNX Runtime's fusions: export without them",
    "com.ms.internal.nhwc.BatchNormalization": NHWC,
    "com.ms.internal.nhwc.Conv": NHWC,
    "ImageScaler": "ONNX has dropped it",
}
"""Operators, as an error names them, that are refused."""

CASES: Mapping[str, str] = {
    "ort-web-ops/add_zero-sized/": EMPTY,
    "ort-web-ops/batch-norm/BatchNormalization non-spatial mode/": "ONNX has dropped the mode",
    "ort-web-ops/clip/clip float16 type with min": FLOAT16,
    "ort-web-ops/concat_zero-sized/": EMPTY,
    "ort-web-ops/dequantize-linear-int4/": INT4,
    "ort-web-ops/dequantizelinear/dequantizelinear block dequantization/": "blocked quantisation",
    "ort-web-ops/dequantizelinear/dequantizelinear/T[8]": "blocked quantisation",
    "ort-web-ops/fast-gelu/FastGelu test with bias/[2x4], [3]": "the bias fits no axis",
    "ort-web-ops/fast-gelu/FastGelu test with bias/[3x5], [2]": "the bias fits no axis",
    "ort-web-ops/fast-gelu/FastGelu test with bias/[3x5], [7]": "the bias fits no axis",
    "ort-web-ops/fast-gelu/FastGelu test with bias/[4x4], [8]": "the bias fits no axis",
    "ort-web-ops/gather-nd/GatherND float16": FLOAT16,
    "ort-web-ops/pad_f16/": FLOAT16,
    "ort-web-ops/scatternd/ScatterND float16": FLOAT16,
    "ort-web-ops/simplified-layer-norm/": "in ONNX's own domain, which has no such operator",
    "onnxjs-ops/softmax/Softmax with no attributes/T[2,4]": "Softmax has one input",
}
"""Cases that are refused, by the beginning of their names."""

MISTAKEN: Mapping[str, str] = {
    "ort-web-ops/quick-gelu/QuickGelu test/[2x4]": "the last element is that of +0.8, not of -0.8",
    "ort-web-ops/quick-gelu/QuickGelu test/[3x5]": "the last element is that of +1.5, not of -1.5",
    "ort-web-ops/shape/Shape op test/T[0]": "a shape is int64, and the case expects int32",
}
"""Cases whose expected values are no such thing; they must only compile."""


def refusal(case: OpCase) -> str | None:
    """Return why `case` is refused, or None if it is to be computed."""
    node = case.model.graph.node[0]
    operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    listed = (reason for name, reason in CASES.items() if case.name.startswith(name))
    return OPERATORS.get(operator) or next(listed, None)
