"""Sizes that a model computes from the shapes of its inputs, which are known before any run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import parser

from pyjsml import api
from pyjsml.program import ISAS

HEAD = '<ir_version: 8, opset_import: ["" : {opset}]>\n'
CHAINS = """
chains (float[N,4,3] x, float[N,12] y) => (
    float[a,b,c] halves, float[d] flat, float[e,f] widened, int64[g] places, float[h,i] copies,
    float[j,k,l] zeros, float share, int64[3] shape, float[m,n] within, int64[o] back,
    int32[p] counts, float[q,r,s] twice)
  <int64 first = {0}, int64[1] axis = {0}, int64 two = {2}, int64 three = {3},
   int64 seven = {7}, int64[1] one = {1}, int64[3] any = {-1, -1, -1}, int64[3] ones = {1, 1, 1},
   float[1,1] unit = {2.5}, int64 down = {-2}, int64[2] parts = {1, 2}> {
  shape = Shape (x)
  batch, inner = Split (shape, parts)
  length = Gather <axis = 0> (shape, first)
  area = ReduceProd <keepdims = 1> (inner)
  pair = Concat <axis = 0> (batch, area)
  joined = Reshape (x, pair)
  double = Mul (length, two)
  third = Div (double, two)
  third_list = Unsqueeze (third, axis)
  rows = Concat <axis = 0> (third_list, inner)
  halves = Reshape (y, rows)
  all = ReduceProd <keepdims = 1> (shape)
  flat = Reshape (joined, all)
  larger = Max (length, seven)
  larger_list = Unsqueeze (larger, axis)
  square = Concat <axis = 0> (larger_list, batch)
  widened = Expand (unit, square)
  places = Range (three, double, two)
  pieces = Concat <axis = 0> (third_list, one)
  copies = Tile (unit, pieces)
  same = Equal (shape, any)
  kept = Where (same, ones, shape)
  zeros = ConstantOfShape (kept)
  size = Size (x)
  size_float = Cast <to = 1> (size)
  sum = ReduceSum <keepdims = 0> (y)
  share = Div (sum, size_float)
  few = Sub (double, length)
  end = Unsqueeze (few, axis)
  within = Slice (y, one, end, axis)
  back = Range (length, first, down)
  narrow = Cast <to = 6> (shape)
  counts = Add (narrow, narrow)
  twice_list = Cast <to = 7> (narrow)
  twice = Reshape (x, twice_list)
}
"""
"""The chains in which exporters write shapes, of one length that varies."""
SPLIT = """
split (float[N,3] x) => (float[a,b] y, float[c,d] z) {{
  y, z = Split {how} (x)
}}
"""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("opset", [13, 17])
def test_chains_of_sizes_compute_what_onnx_runtime_does(opset: int) -> None:
    check(HEAD.format(opset=opset) + CHAINS, [{"x": (n, 4, 3), "y": (n, 12)} for n in (2, 5, 9)])


def test_an_axis_whose_length_varies_is_split() -> None:
    check(HEAD.format(opset=13) + SPLIT.format(how=""), [{"x": (6, 3)}])
    check(HEAD.format(opset=18) + SPLIT.format(how="<num_outputs = 2>"), [{"x": (7, 3)}])


def check(text: str, shapes: list[dict[str, tuple[int, ...]]]) -> None:
    """Assert that a model computes what it does in ONNX Runtime, of inputs of all the shapes."""
    model = parser.parse_model(text)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    bundle = api.bundle(model)
    numbers = np.random.default_rng(0)
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for given in shapes:
                inputs = {
                    name: numbers.standard_normal(shape).astype(np.float32)
                    for name, shape in given.items()
                }
                found = executor.run(**inputs)
                results: Any = session.run(list(found), inputs)
                for name, wanted in zip(found, results, strict=True):
                    assert found[name].dtype == wanted.dtype, name
                    assert np.allclose(found[name], wanted, 1e-5, 1e-6), name
