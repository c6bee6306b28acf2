"""What is said of one node that asks for what can't be compiled."""

from __future__ import annotations

import pytest
from onnx import parser

from pyjsml.errors import UserError
from pyjsml.frontend import load

HEAD = '<ir_version: 8, opset_import: ["" : 13]>\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(float[N,1,4] x) => (float[?] z) { z = Squeeze (x) }", "Squeeze at z: .* axis 0 depends"),
        (
            "(float[N,1] x) => (float[?] z) <int64[1] a = {0}> { z = Squeeze (x, a) }",
            "Squeeze at z: axis 0, .* of a length that varies",
        ),
        (
            "(float[2,1] x) => (float[?] z) <int64[1] a = {0}> { z = Squeeze (x, a) }",
            "Squeeze node 'z' .* axis 0, which it leaves out, has 2 elements",
        ),
        (
            "(float[N,3] x) => (float[?] z) <int64[2] s = {1, 12}> { z = Reshape (x, s) }",
            r"for some lengths .* alone: Reshape 'z'\. Give the inputs the shapes",
        ),
        (
            "(float[N,4] x, int64[2] s) => (float[?] z) { z = Reshape (x, s) }",
            "Reshape at z: its shape would have to be known before a run",
        ),
        (
            "(int64[2] s) => (float[?] z) { z = ConstantOfShape (s) }",
            "ConstantOfShape at z: its shape would",
        ),
        (
            "(float[N,4] x, int64[1] s, int64[1] e) => (float[?] z) { z = Slice (x, s, e) }",
            "Slice at z: its starts would",
        ),
        (
            """(float[N,4] x) => (float[?] z) <int64[1] zero = {0}, int64[1] far = {5}> {
            s = Shape (x)
            n = Gather <axis = 0> (s, zero)
            m = Sub (n, far)
            z = Slice (x, zero, m) }""",
            "Slice at z: for some lengths of axes its bounds count from their ends",
        ),
        (
            "(float[5] x) => (float[a] y, float[b] z) { y, z = Split (x) }",
            "Split node 'y' .* 5 elements can't be split into 2 equal parts",
        ),
        (
            "(float[1,3,8,8] x, float[4,3,K,K] w) => (float[?] z) { z = Conv (x, w) }",
            "Conv at z: its weights have axes whose lengths vary",
        ),
        (
            "(float[N,4] x, int64 a) => (float[?] z) { z = CumSum (x, a) }",
            "CumSum at z: its axis would have to be known before a run",
        ),
        (
            """(float[5,1,3] x, float[1,16,3] w, float[1,16,5] r) => (float[?] z) {
            z = LSTM <hidden_size = 4> (x, w, r) }""",
            "LSTM node 'z' .*: its weights are not those of 4 gates of 5 units each",
        ),
        (
            """(float[S,1,3] x, float[1,16,3] w, float[1,16,4] r, int32[1] n) => (float[?] z) {
            z = LSTM <hidden_size = 4> (x, w, r, , n) }""",
            "LSTM at z: its sequences of different lengths can't be compiled",
        ),
        (
            "(float[2,3] x, float[4,5] y) => (float[?] z) { z = Add (x, y) }",
            "Add node 'z' .* dim 1 is 3 and the second input shape at dim 1 is 5",
        ),
        (
            "(float[2,3] x) => (float[?] z) <int64[2] s = {-1, -1}> { z = Reshape (x, s) }",
            r"'z' can't be converted: Reshape accepts at most one",
        ),
        (
            "(float[1,3,2,2] x) => (float[?] z) { z = MaxPool <kernel_shape = [5, 5]> (x) }",
            "have no elements, whatever the inputs: MaxPool 'z'",
        ),
    ],
)
def test_what_depends_on_more_than_shapes_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load(parser.parse_model(f"{HEAD}model {text}"))
