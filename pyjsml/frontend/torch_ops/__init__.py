"""ATen operators whose conversion in TVM is missing or wrong, and those that need none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from pyjsml.frontend.torch_ops import (
    arithmetic,
    bags,
    binary,
    distances,
    indexing,
    layers,
    pooling,
    recurrent,
    reduction,
    resizing,
    shapes,
    sorting,
    strided,
)
from pyjsml.frontend.torch_ops.common import Converter
from pyjsml.frontend.torch_ops.unary import real_functions

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
    own = {name: partial(convert, importer) for name, convert in _CONVERTERS.items()}
    return {**real_functions(importer), **own}


_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "__lshift__.Scalar": arithmetic.left_shift,
        "__rshift__.Scalar": arithmetic.right_shift,
        "_cdist_forward.default": distances.cdist,
        "_embedding_bag.default": bags.embedding_bag,
        "_trilinear.default": distances.trilinear,
        "_unsafe_view.default": shapes.view,
        "adaptive_max_pool2d.default": pooling.adaptive_max_pool,
        "adaptive_max_pool3d.default": pooling.adaptive_max_pool,
        "amax.default": reduction.largest,
        "amin.default": reduction.smallest,
        "any.default": reduction.any_true,
        "any.dim": reduction.any_true,
        "any.dims": reduction.any_true,
        "argsort.default": sorting.argsort,
        "argsort.stable": sorting.argsort,
        "as_strided.default": strided.as_strided,
        "avg_pool2d.default": pooling.average_pool,
        "avg_pool3d.default": pooling.average_pool,
        "bmm.default": layers.matmul,
        "cat.default": shapes.cat,
        "clamp.Tensor": arithmetic.clamp,
        "clamp.default": arithmetic.clamp,
        "clone.default": shapes.clone,
        "convolution.default": layers.convolution,
        "cummax.default": reduction.running_largest,
        "cummin.default": reduction.running_smallest,
        "cumprod.default": reduction.running_product,
        "cumsum.default": reduction.running_sum,
        "div.Scalar": arithmetic.divide,
        "div.Scalar_mode": arithmetic.divide_rounding,
        "div.Tensor": arithmetic.divide,
        "div.Tensor_mode": arithmetic.divide_rounding,
        "elu.default": arithmetic.elu,
        "embedding.default": layers.embedding,
        "empty.memory_format": shapes.empty,
        "fmod.Scalar": arithmetic.fmod,
        "fmod.Tensor": arithmetic.fmod,
        "getitem": shapes.result,
        "grid_sampler_2d.default": resizing.grid_sample,
        "gru.default": recurrent.gru,
        "gru.input": recurrent.gru,
        "index.Tensor": indexing.index,
        "index_put.default": indexing.index_put,
        "instance_norm.default": layers.instance_norm,
        "kthvalue.default": sorting.kth_value,
        "linear.default": layers.linear,
        "lstm.default": recurrent.lstm,
        "lstm.input": recurrent.lstm,
        "matmul.default": layers.matmul,
        "max.dim": reduction.largest_and_where,
        "max_pool2d_with_indices.default": pooling.max_pool,
        "max_pool3d_with_indices.default": pooling.max_pool,
        "min.dim": reduction.smallest_and_where,
        "mm.default": layers.matmul,
        "native_group_norm.default": layers.group_norm,
        "pow.Scalar": arithmetic.power,
        "pow.Tensor_Scalar": arithmetic.power,
        "pow.Tensor_Tensor": arithmetic.power,
        "prod.default": reduction.product,
        "prod.dim_int": reduction.product,
        "remainder.Scalar": arithmetic.remainder,
        "remainder.Tensor": arithmetic.remainder,
        "repeat.default": shapes.repeat,
        "reshape.default": shapes.view,
        "rnn_relu.default": recurrent.rnn_relu,
        "rnn_relu.input": recurrent.rnn_relu,
        "rnn_tanh.default": recurrent.rnn_tanh,
        "rnn_tanh.input": recurrent.rnn_tanh,
        "scalar_tensor.default": shapes.scalar,
        "scatter_add.default": indexing.scatter_add,
        "scatter_reduce.two": indexing.scatter_reduce,
        "searchsorted.Tensor": sorting.search_sorted,
        "select_scatter.default": indexing.select_scatter,
        "slice.Tensor": indexing.slice_axis,
        "slice_scatter.default": indexing.slice_scatter,
        "sort.default": sorting.sort,
        "sort.stable": sorting.sort,
        "topk.default": sorting.topk,
        "unfold.default": indexing.unfold,
        "var.correction": reduction.variance,
        "var_mean.correction": reduction.variance_and_mean,
        "view.default": shapes.view,
        "where.self": arithmetic.where,
        **binary.BINARY,
        **resizing.UPSAMPLING,
    }
)

__all__ = ["IGNORED", "converters"]
