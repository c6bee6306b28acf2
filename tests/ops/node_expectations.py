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
CONTROL = "how many steps it takes depends on the values of its inputs"
RARE = "no model is known to use it"

OPERATORS: Mapping[str, str] = {
    "ai.onnx.ml.ArrayFeatureExtractor": "trees and their features are no tensor arithmetic",
    "ai.onnx.ml.Binarizer": "trees and their features are no tensor arithmetic",
    "ai.onnx.ml.TreeEnsemble": "trees and their features are no tensor arithmetic",
    "ai.onnx.preview.training.Adagrad": TRAINING,
    "ai.onnx.preview.training.Adam": TRAINING,
    "ai.onnx.preview.training.Momentum": TRAINING,
    "Bernoulli": "random numbers",
    "Compress": DATA,
    "Loop": CONTROL,
    "MelWeightMatrix": RARE,
    "NonMaxSuppression": DATA,
    "NonZero": DATA,
    "TfIdfVectorizer": RARE,
    "Unique": DATA,
}
"""Operators that are refused."""

CASES: Mapping[str, str] = {
    "attention_local_window_gqa_rank4_mask": "it has a softmax of float64",
    "batchnorm_epsilon_training_mode": TRAINING,
    "batchnorm_example_training_mode": TRAINING,
    "causal_conv_with_state_kernel_size_one": NOTHING,
    "constantofshape_int_shape_zero": NOTHING,
    "lstm_with_peepholes": RARE,
    "optional_get_element_optional_tensor": LISTS,
    "optional_has_element_optional_input": LISTS,
    "optional_has_element_tensor_input": LISTS,
    "reduce_*_empty_set*": EMPTY,
    "reshape_allowzero_reordered": EMPTY,
    "scan_sum": "the Scan of before opset 9",
    "shape_start_greater_than_end": NOTHING,
    "slice_start_out_of_bounds": NOTHING,
    "split_zero_size_splits*": NOTHING,
    "training_dropout*": TRAINING,
    "tril_zero": EMPTY,
    "triu_zero": EMPTY,
}
"""Tests that are refused, by the pattern of their names."""

MISTAKEN: Mapping[str, str] = {
    "maxunpool_export_with_output_shape": "it takes places for those in a smaller output",
    "resize_downsample_scales_cubic_align_corners": "it takes the output to be 2.4 pixels wide",
    "resize_downsample_scales_linear_align_corners": "it takes the output to be 2.4 pixels wide",
}
"""Tests whose expected values no runtime computes; they must only compile."""
