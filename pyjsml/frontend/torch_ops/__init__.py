"""ATen operators whose conversion in TVM is missing or wrong, and those that need none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from pyjsml.frontend.torch_ops import (
    arithmetic,
    indexing,
    layers,
    recurrent,
    reduction,
    resizing,
    shapes,
)
from pyjsml.frontend.torch_ops.common import Converter

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
    return {name: partial(convert, importer) for name, convert in _CONVERTERS.items()}


_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "__lshift__.Scalar": arithmetic.left_shift,
        "__rshift__.Scalar": arithmetic.right_shift,
        "_unsafe_view.default": shapes.view,
        "amax.default": reduction.largest,
        "amin.default": reduction.smallest,
        "bmm.default": layers.matmul,
        "cat.default": shapes.cat,
        "clamp.default": arithmetic.clamp,
        "clone.default": shapes.clone,
        "div.Scalar": arithmetic.divide,
        "div.Scalar_mode": arithmetic.divide_rounding,
        "div.Tensor": arithmetic.divide,
        "div.Tensor_mode": arithmetic.divide_rounding,
        "elu.default": arithmetic.elu,
        "embedding.default": layers.embedding,
        "empty.memory_format": shapes.empty,
        "fmod.Scalar": arithmetic.fmod,
        "fmod.Tensor": arithmetic.fmod,
        "grid_sampler_2d.default": resizing.grid_sample,
        "gru.input": recurrent.gru,
        "index.Tensor": indexing.index,
        "index_put.default": indexing.index_put,
        "instance_norm.default": layers.instance_norm,
        "linear.default": layers.linear,
        "lstm.input": recurrent.lstm,
        "matmul.default": layers.matmul,
        "max.dim": reduction.largest_and_where,
        "max_pool2d_with_indices.default": layers.max_pool,
        "min.dim": reduction.smallest_and_where,
        "mm.default": layers.matmul,
        "prod.dim_int": reduction.product,
        "remainder.Scalar": arithmetic.remainder,
        "remainder.Tensor": arithmetic.remainder,
        "repeat.default": shapes.repeat,
        "reshape.default": shapes.view,
        "rnn_relu.input": recurrent.rnn_relu,
        "rnn_tanh.input": recurrent.rnn_tanh,
        "scatter_add.default": indexing.scatter_add,
        "slice.Tensor": indexing.slice_axis,
        "var_mean.correction": reduction.variance_and_mean,
        "view.default": shapes.view,
        **resizing.UPSAMPLING,
    }
)

__all__ = ["IGNORED", "converters"]
