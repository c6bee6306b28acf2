"""ONNX models that runtimes accept, though ONNX's checker does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, parser

from pyjsml.errors import ModelError
from pyjsml.frontend import load, parse_inputs
from tests.support.models import save
from tests.support.models_native import evaluate

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
model (float[3] x, bool b) => (float[3] y) <float[1] two = {2.0}> {
  y = Mul (chosen, two)
  chosen = If (b) <
    then_branch = yes () => (float[3] c) { c = Add (d, negative)
                                           d = Abs (x) },
    else_branch = no () => (float[3] e) { e = Relu (x) }>
  negative = Neg (x)
}
"""
"""Its nodes stand in an order of their own, and those of a branch, too."""
GIVEN = {"x": np.array([-1.5, 0.5, 2], np.float32), "b": np.array(True)}
EXPECTED = np.array([6, 0, 0], np.float32)


def test_nodes_may_stand_in_any_order(tmp_path: Path) -> None:
    model = parser.parse_model(TEXT)
    before = model.SerializeToString(deterministic=True)
    for source in (model, save(model, tmp_path / "m.onnx")):
        np.testing.assert_array_equal(evaluate(load(source), GIVEN)["y"], EXPECTED)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("imported", [[""], ["ai.onnx"], ["", "ai.onnx"], ["ai.onnx", ""]])
def test_the_domain_of_onnx_may_be_spelt_out(imported: list[str]) -> None:
    model = parser.parse_model(TEXT)
    for node in model.graph.node:
        node.domain = "ai.onnx"
    for attribute in model.graph.node[1].attribute:
        attribute.g.node[0].domain = "ai.onnx"
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, 17) for domain in imported)
    np.testing.assert_array_equal(evaluate(load(model), GIVEN)["y"], EXPECTED)


def test_nodes_that_wait_for_each_other_are_refused() -> None:
    model = parser.parse_model(TEXT.replace("Neg (x)", "Neg (y)"))
    with pytest.raises(
        ModelError, match=r"wait for each other's results: 'negative', 'chosen', 'y'"
    ):
        load(model)


def test_a_model_in_memory_keeps_its_shapes() -> None:
    model: onnx.ModelProto = parser.parse_model(TEXT.replace("[3]", "[N]"))
    before = model.SerializeToString(deterministic=True)
    assert load(model, inputs=parse_inputs(["x=float32[5]"])).signature.inputs[0].shape == (5,)
    assert model.SerializeToString(deterministic=True) == before
