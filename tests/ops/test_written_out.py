"""What ONNX defines by other operators, and scans and Fourier transforms, which become others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from onnx import parser

from pyjsml import api
from pyjsml.errors import UnsupportedOpError
from tests.ops.batches import failures
from tests.support.op_cases import OpCase

SCAN = """
<ir_version: 8, opset_import: ["" : 17]>
scanned (float[3] start, float[3,{steps}] rows, float[3] shift)
  => (float[3] last, float[{steps},3] sums) {{
  last, sums = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
                     scan_output_directions = [1], body = step (float[3] state, float[3] row)
      => (float[3] next, float[3] shifted) {{
    next = Add (state, row)
    shifted = Mul (next, shift)
  }}> (start, rows)
}}
"""
"""It goes backwards, and its body reads a value of the graph around it."""
SPECTRUM = """
<ir_version: 8, opset_import: ["" : 20]>
spectrum (float[2,7,3,{parts}] x) => (float[] y)
  <int64 length = {{{length}}}, int64 axis = {{1}}> {{
  y = DFT <inverse = {inverse}, onesided = {onesided}> (x, length, axis)
}}
"""


def test_a_scan_goes_backwards_over_any_axis() -> None:
    numbers = np.random.default_rng(0)
    start, shift = numbers.standard_normal((2, 3)).astype(np.float32)
    rows = numbers.standard_normal((3, 5)).astype(np.float32)
    sums = start + np.cumsum(rows.T[::-1], 0)
    outputs = {"last": sums[-1], "sums": sums[::-1] * shift}
    inputs = {"start": start, "rows": rows, "shift": shift}
    assert not list(failures([_case(SCAN.format(steps=5), inputs, outputs)]))


def test_a_graph_inside_of_an_operator_may_give_its_values_any_names() -> None:
    scores = [onnx.helper.make_tensor_value_info(n, 1, [1, 2, 3, 3]) for n in ("in.0", "out/0")]
    halved = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["in.0", "half::weight"], ["out/0"], name="/halve")],
        "halve/0",
        scores[:1],
        scores[1:],
        [onnx.helper.make_tensor("half::weight", 1, [], [0.5])],
    )
    values = [onnx.helper.make_tensor_value_info(n, 1, [1, 2, 3, 4]) for n in ("q", "k", "v", "y")]
    domain = "ai.onnx.preview"
    node = onnx.helper.make_node(
        "FlexAttention", ["q", "k", "v"], ["y"], domain=domain, score_mod=halved
    )
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "flexible", values[:3], values[3:]),
        opset_imports=[onnx.helper.make_opsetid("", 26), onnx.helper.make_opsetid(domain, 1)],
    )
    q, k, v = np.random.default_rng(0).standard_normal((3, 1, 2, 3, 4)).astype(np.float32)
    weights = np.exp(q @ k.swapaxes(2, 3) / 2 * 0.5)
    expected = weights / weights.sum(-1, keepdims=True) @ v
    inputs = {"q": q, "k": k, "v": v}
    assert not list(failures([OpCase("flexible", model, inputs, {"y": expected})]))


def test_a_scan_of_many_steps_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="Scan"):
        api.bundle(parser.parse_model(SCAN.format(steps=65)))


@pytest.mark.parametrize("length", [7, 5, 12])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_transform_cuts_signals_off_and_fills_them_up(length: int, parts: int) -> None:
    x = np.random.default_rng(length).standard_normal((2, 7, 3, parts)).astype(np.float32)
    signal = x[..., 0] + (1j * x[..., 1] if parts == 2 else 0)
    results = {(0, 0): np.fft.fft(signal, length, 1), (1, 0): np.fft.ifft(signal, length, 1)}
    if parts == 1:
        results[0, 1] = np.fft.rfft(signal.real, length, 1)
    cases = []
    for (inverse, onesided), result in results.items():
        text = SPECTRUM.format(length=length, parts=parts, inverse=inverse, onesided=onesided)
        expected = np.stack([result.real, result.imag], -1).astype(np.float32)
        cases.append(_case(text, {"x": x}, {"y": expected}))
    assert not list(failures(cases))


def _case(text: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> OpCase:
    model: onnx.ModelProto = parser.parse_model(text)
    return OpCase(model.graph.name, model, inputs, outputs)
