"""Loops that are written out, branches of which both are computed, and sequences of tensors."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import parser

from pyjsml import api
from pyjsml.errors import UnsupportedOpError
from pyjsml.program import ISAS

HEAD = '<ir_version: 8, opset_import: ["" : {opset}]>\n'
COUNTED = """
counted (float[3] x) => (float[3] last, float[4,3] rows)
  <int64 count = {4}, float[3] two = {2.0, 2.0, 2.0}> {
  last, rows = Loop (count, , x) <body = step (int64 i, bool on, float[3] state)
      => (bool goes_on, float[3] next, float[3] row) <float[1] share = {0.5}> {
    goes_on = Identity (on)
    number = Cast <to = 1> (i)
    moved = Add (state, number)
    next = Mul (moved, share)
    row = Sub (next, x)
  }>
}
"""
"""Its body reads an input of the model, its own number, and a weight of its own."""
WHILE = """
while (float[3] x) => (float[3] y)
  <int64 most = {1000}, bool yes = {1}, int64 one = {1}, int64 five = {5}, int64 first = {0}> {
  last, y = Loop (most, yes, first, x) <body = step (int64 i, bool on, int64 at, float[3] state)
      => (bool goes_on, int64 after, float[3] next) {
    after = Add (at, one)
    goes_on = Less (after, five)
    next = Sin (state)
  }>
}
"""
"""It stops by itself, long before it has counted as far as it may."""
NESTED = """
nested (float[3] x) => (float[3] y) <int64 three = {3}, int64 one = {1}> {
  y = Loop (three, , x) <body = outer (int64 i, bool on, float[3] state)
      => (bool goes_on, float[3] next) {
    goes_on = Identity (on)
    times = Add (i, one)
    next = Loop (times, , state) <body = inner (int64 j, bool inside, float[3] held)
        => (bool again, float[3] more) {
      again = Identity (inside)
      number = Cast <to = 1> (i)
      sum = Add (held, number)
      more = Cos (sum)
    }>
  }>
}
"""
"""How often the inner loop runs depends on the step of the outer one."""
DEEP = """
deep (float[3] x) => (float[3] y) <int64 many = {64}> {
  y = Loop (many, , x) <body = outer (int64 i, bool a, float[3] u) => (bool b, float[3] v) {
    b = Identity (a)
    v = Loop (many, , u) <body = middle (int64 j, bool c, float[3] p) => (bool d, float[3] q) {
      d = Identity (c)
      q = Loop (many, , p) <body = inner (int64 k, bool e, float[3] r) => (bool f, float[3] s) {
        f = Identity (e)
        s = Cos (r)
      }>
    }>
  }>
}
"""
"""262,144 steps, though no loop has many."""
SEQUENCE = """
sequence (float[2,3] x) => (float[2,3] y, float[2,2,3] both, int64 size)
  <int64 three = {3}, int64 last = {-1}, int64 first = {0}> {
  none = SequenceEmpty <dtype = 1> ()
  all, z = Loop (three, , none, x) <body = step (int64 i, bool on, seq(float[2,3]) held,
                                          float[2,3] a)
      => (bool goes_on, seq(float[2,3]) more, float[2,3] b) {
    goes_on = Identity (on)
    b = Exp (a)
    c = Tanh (b)
    more = SequenceInsert (held, c)
  }>
  some = SequenceErase (all, first)
  size = SequenceLength (all)
  y = SequenceAt (all, last)
  both = ConcatFromSequence <axis = 1, new_axis = 1> (some)
}
"""
PARTS = """
parts (float[5,2] x) => (float[2] y, float[3,2] z, float[1,2] w)
  <int64 fourth = {3}, int64 three = {3}, int64[2] sizes = {4, 1}, int64 first = {0},
   int64 second = {1}> {
  rows = SplitToSequence <axis = 0, keepdims = 0> (x)
  y = SequenceAt (rows, fourth)
  chunks = SplitToSequence <axis = 0> (x, three)
  z = SequenceAt (chunks, first)
  uneven = SplitToSequence <axis = 0> (x, sizes)
  w = SequenceAt (uneven, second)
}
"""
BRANCHES = """
branches (bool{shape} choice, float[2,3] x) => (float[2,3] y, float[3] z)
  <float[1] nine = {{9.0}}> {{
  u, z = If (choice) <
    then_branch = yes () => (float[2,3] a, float[3] b)
        <float[17] w = {{1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1}}> {{
      t = ReduceSum <keepdims = 0> (w)
      a = Mul (x, t)
      b = ReduceMax <axes = [0], keepdims = 0> (a)
    }},
    else_branch = no () => (float[2,3] c, float[3] d)
        <float[17] w = {{2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2}}> {{
      t = ReduceSum <keepdims = 0> (w)
      c = Add (x, t)
      d = ReduceMin <axes = [0], keepdims = 0> (c)
    }}>
  y = Add (u, nine)
}}
"""
"""Names of the branches are the same, and their weights, too."""
UNEVEN = """
uneven (bool choice, float[2,3] x) => (float[N,3] y) {
  y = If (choice) <then_branch = yes () => (float[2,3] a) { a = Neg (x) },
                   else_branch = no () => (float[4,3] b) { b = Concat <axis = 0> (x, x) }>
}
"""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("text", "opset"),
    [
        *itertools.product([COUNTED, WHILE, NESTED, PARTS], [12, 17]),
        (SEQUENCE, 17),  # Loops have carried sequences since opset 13.
    ],
)
def test_loops_compute_what_onnx_runtime_does(text: str, opset: int) -> None:
    shapes = {SEQUENCE: (2, 3), PARTS: (5, 2)}
    x = np.random.default_rng(0).standard_normal(shapes.get(text, 3)).astype(np.float32)
    check(HEAD.format(opset=opset) + text, {"x": x})


@pytest.mark.parametrize("shape", ["", "[1]"])
def test_of_both_branches_the_one_is_taken_that_its_condition_says(shape: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    text = HEAD.format(opset=12) + BRANCHES.format(shape=shape)
    for choice in (True, False):
        given = {"choice": np.full((1,) if shape else (), choice), "x": x}
        check(text, given)


def test_branches_of_different_shapes_are_refused() -> None:
    with pytest.raises(UnsupportedOpError, match=r"If at y: .* different shapes"):
        api.bundle(parser.parse_model(HEAD.format(opset=17) + UNEVEN))


def test_what_branches_ask_for_in_vain_is_listed_at_once() -> None:
    text = UNEVEN.replace("Neg (x)", "Cast <to = 22> (x)").replace("Concat <axis = 0> (x, x)", "y")
    text = text.replace("= y }", "= Cast <to = 21> (x) }")
    with pytest.raises(UnsupportedOpError) as caught:
        api.bundle(parser.parse_model(HEAD.format(opset=21) + text))
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "Cast at a",
        "Cast at b",
    ]


@pytest.mark.parametrize(
    "text",
    [
        COUNTED.replace("{4}", "{65}").replace("[4,3]", "[65,3]"),
        COUNTED.replace("x)", "x, int64 count)", 1).replace("int64 count = {4}, ", ""),
        COUNTED.replace("{4}", "{0}").replace("[4,3]", "[0,3]"),
        WHILE.replace("Less (after, five)", "Less (total, edge)")
        .replace("after = Add", "total = ReduceSum <keepdims = 0> (state)\n after = Add")
        .replace("int64 five = {5}", "float edge = {5.0}"),
    ],
    ids=["many", "data", "none", "sum"],
)
def test_a_loop_of_steps_that_the_model_does_not_fix_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedOpError, match=r"Loop ×1: .*only steps of a number"):
        api.bundle(parser.parse_model(HEAD.format(opset=17) + text))


def test_loops_in_loops_are_refused_before_they_are_too_much_code() -> None:
    with pytest.raises(UnsupportedOpError, match=r"Loop ×\d+: .*not into more than 10000 nodes"):
        api.bundle(parser.parse_model(HEAD.format(opset=17) + DEEP))


def test_a_model_that_is_given_is_left_as_it_is() -> None:
    model = parser.parse_model(
        HEAD.format(opset=12)
        + BRANCHES.format(shape="")
        .replace("bool choice, ", "")
        .replace("> {\n  u", ", bool choice = {1}> {\n  u", 1)
    )
    before = model.SerializeToString(deterministic=True)
    api.bundle(model)
    assert model.SerializeToString(deterministic=True) == before


def check(text: str, inputs: Mapping[str, np.ndarray]) -> None:
    """Assert that a model computes what it does in ONNX Runtime, with either instruction set."""
    model: onnx.ModelProto = parser.parse_model(text)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    bundle = api.bundle(model)
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            found = executor.run(**inputs)
        results: Any = session.run(list(found), dict(inputs))
        for name, wanted in zip(found, results, strict=True):
            assert found[name].dtype == wanted.dtype
            assert np.allclose(found[name], wanted, rtol=1e-5, atol=1e-6)
