"""The ONNX node tests that ONNX Runtime Web lists for its own WebGL back end, as cases.

Its list names tests of several opsets, and some that ONNX has renamed since. The tests here are
those of the `onnx` package that is installed; where the list wants an older opset, what has become
an input since is an attribute again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx
import pyjson5
from onnx import helper, numpy_helper

from tests.ops.node_cases import all_tests
from tests.support.op_cases import OpCase

LIST = Path("peers/ort-web-ops/_meta/suite-test-list.jsonc")
"""From the folder of models."""
RENAMED = {
    "depthtospace_crd_mode": "depthtospace_crd_mode_example",
    "depthtospace_dcr_mode": "depthtospace_example",
    "dropout_random": "dropout_random_old",
    "gemm_broadcast": "gemm_default_vector_bias",
    "gemm_nobroadcast": "gemm_default_matrix_bias",
    "reshape_reordered_dims": "reshape_reordered_all_dims",
    "split_equal_parts_1d": "split_equal_parts_1d_opset13",
    "split_equal_parts_default_axis": "split_equal_parts_default_axis_opset13",
    "split_variable_parts_1d": "split_variable_parts_1d_opset13",
    "split_variable_parts_2d": "split_variable_parts_2d_opset13",
    "split_variable_parts_default_axis": "split_variable_parts_default_axis_opset13",
    "unsqueeze": "unsqueeze_two_axes",
}
"""What the tests are called today, or the one that has taken their place."""
ATTRIBUTES: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "Clip": (11, ("min", "max")),
    "ReduceLogSum": (18, ("axes",)),
    "ReduceMax": (18, ("axes",)),
    "ReduceMean": (18, ("axes",)),
    "ReduceMin": (18, ("axes",)),
    "ReduceProd": (18, ("axes",)),
    "ReduceSum": (13, ("axes",)),
    "ReduceSumSquare": (18, ("axes",)),
    "Slice": (10, ("starts", "ends", "axes", "")),
    "Split": (13, ("split",)),
}
"""By operator: the opset before which all inputs but the first have been attributes, and which.

An input without a name has been no attribute either: it has its default in the tests.
"""
_ENTRY = re.compile(r"(?:opset\{(?P<opsets>[\d,]+)\}/)?test_(?P<name>\w+)")


def webgl_cases(models: Path) -> Iterator[OpCase]:
    """Yield the case of each entry of the list, which is in the folder `models`, in its order.

    Raises KeyError for a test that ONNX has not.
    """
    tests = {test.case.name: test.case for test in all_tests()}
    for entry in pyjson5.decode((models / LIST).read_text())["webgl"]["node"]:
        text = entry if isinstance(entry, str) else entry["name"]
        match = _ENTRY.fullmatch(text)
        assert match, f"{text} is no test's name"
        case = tests[RENAMED.get(match["name"], match["name"])]
        if match["opsets"]:
            case = aged(case, max(map(int, match["opsets"].split(","))))
        yield OpCase(match["name"], case.model, case.inputs, case.outputs)


def aged(case: OpCase, opset: int) -> OpCase:
    """Return `case` in an older opset, in which its later inputs are attributes."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    (node,) = graph.node
    before, names = ATTRIBUTES.get(node.op_type, (0, ()))
    moved = list(node.input)[1:] if opset < before else []
    values: dict[str, Any] = dict(case.inputs)
    values |= {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    kept = [each for each in node.attribute if each.name != "num_outputs"]
    for name, source in zip(names, moved, strict=False):
        if name and source and values[source].size:
            kept.append(helper.make_attribute(name, values[source].tolist()))
    del node.attribute[:]
    node.attribute.extend(kept)
    del node.input[len(node.input) - len(moved) :]
    for entries in (graph.input, graph.initializer):
        for entry in [each for each in entries if each.name in moved]:
            entries.remove(entry)
    model.opset_import[0].version = opset
    inputs = {name: array for name, array in case.inputs.items() if name not in moved}
    return OpCase(case.name, model, inputs, case.outputs)
