"""ONNX operators whose conversion in TVM is missing or wrong, or says less than it could.

An operator that becomes a Relax operator, rather than TIR, can change its layout and fuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyjsml.frontend.onnx_ops import (
    arithmetic,
    contrib,
    convolution,
    indexing,
    matrices,
    normalization,
    padding,
    pooling,
    quantization,
    recurrent,
    reduction,
    resizing,
    sequences,
    shapes,
    sizes,
    spectra,
)
from pyjsml.frontend.onnx_ops.common import Converter


def converter(op_type: str, opset: int) -> Converter | None:
    """Return the converter of `op_type` here, or None if TVM's own is to be used."""
    if op_type == "Slice":
        return shapes.slice_1 if opset < 10 else shapes.slice_10
    return _CONVERTERS.get(op_type)


_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "BatchNormalization": normalization.batch_normalization,
        "BiasAdd": contrib.bias_add,
        "BiasSplitGelu": contrib.bias_split_gelu,
        "BitCast": arithmetic.bit_cast,
        "BitShift": arithmetic.bit_shift,
        "Cast": arithmetic.cast_to,
        "Clip": arithmetic.clip,
        "Concat": shapes.concat,
        "Constant": shapes.constant,
        "ConstantOfShape": shapes.constant_of_shape,
        "ConcatFromSequence": sequences.concat,
        "Conv": convolution.conv,
        "ConvInteger": quantization.conv_integer,
        "ConvTranspose": convolution.conv_transpose,
        "Col2Im": convolution.col2im,
        "CumProd": reduction.cumulative_product,
        "CumSum": reduction.cumulative_sum,
        "DFT": spectra.dft,
        "DeformConv": convolution.deform_conv,
        "DepthToSpace": shapes.depth_to_space,
        "DequantizeLinear": quantization.dequantize_linear,
        "Det": matrices.det,
        "Dropout": arithmetic.dropout,
        "DynamicQuantizeLinear": quantization.dynamic_quantize_linear,
        "DynamicQuantizeMatMul": quantization.dynamic_quantize_matmul,
        "Expand": shapes.expand,
        "EyeLike": arithmetic.eye_like,
        "FastGelu": contrib.fast_gelu,
        "FusedConv": contrib.fused_conv,
        "GRU": recurrent.gru,
        "Gather": indexing.gather,
        "GatherElements": indexing.gather_elements,
        "GatherND": indexing.gather_nd,
        "Gelu": contrib.gelu,
        "IsInf": arithmetic.is_infinite,
        "LRN": normalization.local_response,
        "LSTM": recurrent.lstm,
        "LayerNormalization": normalization.layer_normalization,
        "LpNormalization": reduction.lp_normalization,
        "LpPool": pooling.lp_pool,
        "MaxPool": pooling.max_pool,
        "MaxUnpool": pooling.max_unpool,
        "MatMulInteger": quantization.matmul_integer,
        "MatMulIntegerToFloat": quantization.matmul_integer_to_float,
        "Mod": arithmetic.modulo,
        "NonMaxSuppression": indexing.non_max_suppression,
        "OneHot": indexing.one_hot,
        "Pad": padding.pad,
        "Pow": arithmetic.power,
        "QGemm": quantization.qgemm,
        "QLinearAdd": quantization.qlinear_binary("Add"),
        "QLinearAveragePool": quantization.qlinear_unary("AveragePool"),
        "QLinearConcat": quantization.qlinear_concat,
        "QLinearConv": quantization.qlinear_conv,
        "QLinearGlobalAveragePool": quantization.qlinear_unary("GlobalAveragePool"),
        "QLinearLeakyRelu": quantization.qlinear_unary("LeakyRelu"),
        "QLinearMatMul": quantization.qlinear_matmul,
        "QLinearMul": quantization.qlinear_binary("Mul"),
        "QLinearSigmoid": quantization.qlinear_unary("Sigmoid"),
        "QLinearSoftmax": quantization.qlinear_unary("Softmax"),
        "QuantizeLinear": quantization.quantize_linear,
        "QuickGelu": contrib.quick_gelu,
        "RMSNormalization": normalization.rms_normalization,
        "RNN": recurrent.rnn,
        "Range": arithmetic.arange,
        **{operator: reduction.composite(operator) for operator in reduction.COMPOSITES},
        "ReduceMax": reduction.reduce_max,
        "ReduceMin": reduction.reduce_min,
        "Reshape": shapes.reshape,
        "Resize": resizing.resize,
        "ReverseSequence": indexing.reverse_sequence,
        "RoiAlign": pooling.roi_align,
        "Scatter": indexing.scatter_elements,
        "STFT": spectra.stft,
        "ScatterElements": indexing.scatter_elements,
        "ScatterND": indexing.scatter_nd,
        "SequenceAt": sequences.at,
        "SequenceConstruct": sequences.construct,
        "SequenceEmpty": sequences.construct,
        "SequenceErase": sequences.erase,
        "SequenceInsert": sequences.insert,
        "SequenceLength": sequences.count,
        "Shape": sizes.shape,
        "SimplifiedLayerNormalization": normalization.rms_normalization,
        "Size": sizes.count,
        "SkipLayerNormalization": normalization.skip_layer_normalization,
        "SkipSimplifiedLayerNormalization": normalization.skip_rms_normalization,
        "SpaceToDepth": shapes.space_to_depth,
        "Split": shapes.split,
        "SplitToSequence": sequences.split,
        "Squeeze": shapes.squeeze,
        "TensorScatter": indexing.tensor_scatter,
        "Tile": shapes.tile,
        "TopK": indexing.top_k,
        "Unsqueeze": shapes.unsqueeze,
        "Upsample": resizing.upsample,
    }
)

OPERATORS = frozenset(_CONVERTERS)
"""The operators that are converted here, of ONNX and of Microsoft."""

TAKING_SIZES: Mapping[str, int] = MappingProxyType(
    {"ConstantOfShape": 0, "Expand": 1, "Range": 0, "Reshape": 1, "Slice": 1, "Tile": 1}
)
"""Operators that take sizes as such, and from which input on; others get them as tensors."""

__all__ = ["OPERATORS", "TAKING_SIZES", "converter"]
