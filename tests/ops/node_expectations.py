"""ONNX's node tests that are not computed, each with the reason: the one list of them.

A test that is listed and is computed nevertheless fails, so the list stays true.
"""

from __future__ import annotations

from collections.abc import Mapping

EMPTY = "axes of length 0: ONNX files write 0 for an axis of any length, which is 1 or more"
NOTHING = "a value without elements"
DATA = "the shape of its output depends on the values of its inputs"
TRAINING = "training, where pyjsml compiles inference"
LISTS = "sequences, maps and optional values are no tensors"
CONTROL = "control flow"
NEW = "younger than the newest runtime that has it"
SIGNAL = "complex numbers have no dtype in a bundle"
LENGTHS = "its sequences are of different lengths, which are data"
RARE = "no model is known to use it"

OPERATORS: Mapping[str, str] = {
    "ai.onnx.ml.ArrayFeatureExtractor": "trees and their features are no tensor arithmetic",
    "ai.onnx.ml.Binarizer": "trees and their features are no tensor arithmetic",
    "ai.onnx.ml.TreeEnsemble": "trees and their features are no tensor arithmetic",
    "ai.onnx.preview.FlexAttention": NEW,
    "ai.onnx.preview.training.Adagrad": TRAINING,
    "ai.onnx.preview.training.Adam": TRAINING,
    "ai.onnx.preview.training.Momentum": TRAINING,
    "Bernoulli": "random numbers",
    "BitCast": NEW,
    "CenterCropPad": RARE,
    "Col2Im": RARE,
    "Compress": DATA,
    "DFT": SIGNAL,
    "DeformConv": RARE,
    "Det": RARE,
    "If": CONTROL,
    "LinearAttention": NEW,
    "Loop": CONTROL,
    "NonMaxSuppression": DATA,
    "NonZero": DATA,
    "ReverseSequence": LENGTHS,
    "STFT": SIGNAL,
    "Scan": CONTROL,
    "TensorScatter": NEW,
    "TfIdfVectorizer": RARE,
    "Unique": DATA,
}
"""Operators that are refused."""

CASES: Mapping[str, str] = {
    "attention_4d_causal_nonpad*": "lengths of keys, and past keys, as inputs",
    "attention_4d_causal_with_past_and_present": "lengths of keys, and past keys, as inputs",
    "attention_4d_diff_heads_mask4d_padded_kv": "lengths of keys, and past keys, as inputs",
    "attention_4d_gqa_causal_nonpad_decode": "lengths of keys, and past keys, as inputs",
    "attention_local_window_ext_cache*": "lengths of keys, and past keys, as inputs",
    "attention_local_window_gqa_rank4_mask": "it has a softmax of float64",
    "attention_local_window_with_past": "lengths of keys, and past keys, as inputs",
    "batchnorm_epsilon_training_mode": TRAINING,
    "batchnorm_example_training_mode": TRAINING,
    "causal_conv_with_state_kernel_size_one": NOTHING,
    "causal_conv_with_state_silu_with_past_state": "an input is left out amid others",
    "causal_conv_with_state_with_past_state": "an input is left out amid others",
    "constantofshape_int_shape_zero": NOTHING,
    "eyelike_populate_off_main_diagonal": "its output is of another dtype than its input",
    "lstm_with_peepholes": RARE,
    "maxpool_with_argmax_2d*": "the indices of maxima",
    "maxunpool_export_with_output_shape": "its output's shape is an input",
    "optional_get_element_optional_tensor": LISTS,
    "optional_has_element_optional_input": LISTS,
    "optional_has_element_tensor_input": LISTS,
    "reduce_*_empty_set*": EMPTY,
    "reshape_allowzero_reordered": EMPTY,
    "roialign_mode_max": "the maximum of its samples",
    "shape_start_greater_than_end": NOTHING,
    "slice_start_out_of_bounds": NOTHING,
    "split_zero_size_splits*": NOTHING,
    "swiglu": "ONNX loses an attribute's default when it writes the operator out",
    "tril_zero": EMPTY,
    "triu_zero": EMPTY,
}
"""Tests that are refused, by the pattern of their names."""

MISTAKEN: Mapping[str, str] = {
    "resize_downsample_scales_cubic_align_corners": "it takes the output to be 2.4 pixels wide",
    "resize_downsample_scales_linear_align_corners": "it takes the output to be 2.4 pixels wide",
}
"""Tests whose expected values no runtime computes; they must only compile."""
