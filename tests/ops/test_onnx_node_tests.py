"""Operators compute what ONNX's own node tests expect, or are refused in a sentence.

The tests are those of the `onnx` package that is installed, without those of operators that ONNX
writes out in simpler ones (their plain form is here). They go through the whole compiler and run in
an engine, many to a bundle.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import defs, numpy_helper

from tests.ops.batches import failures, is_refused
from tests.ops.node_expectations import CASES, MISTAKEN, OPERATORS
from tests.support.op_cases import CONSTANT_INPUTS, IR_VERSION, OpCase

DTYPES = ("float32", "int32", "int64", "bool")
ALSO_CONSTANT = {"AffineGrid": (1,), "CumProd": (1,), "MaxUnpool": (2,)}
"""More inputs on which shapes depend, which models have as constants."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases() -> list[OpCase]:
    return list(node_tests())


def test_node_tests_compute_what_they_expect(cases: list[OpCase]) -> None:
    computed = [case for case in cases if refusal(case) is None]
    assert len(computed) > 700
    assert not list(failures(computed, MISTAKEN))


def test_what_is_listed_is_refused_in_a_sentence(cases: list[OpCase]) -> None:
    accepted = [
        f"{case.name} is computed: take it off the list (it says: {reason})"
        for case in cases
        if (reason := refusal(case)) is not None and not is_refused(case)
    ]
    assert not accepted


def test_every_row_of_the_list_has_a_case(cases: list[OpCase]) -> None:
    assert {operator(case) for case in cases}.issuperset(OPERATORS)
    for row in (*CASES, *MISTAKEN):
        assert any(fnmatchcase(case.name, row) for case in cases), row


def node_tests() -> Iterator[OpCase]:
    """Yield the tests whose inputs and outputs are tensors of `DTYPES`."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        # ONNX computes infinities on purpose to expect them.
        warnings.simplefilter("ignore")
        collected: Sequence[Any] = collect_testcases(None)
    for test in collected:
        inputs, outputs = test.data_sets[0]
        tensors = all(map(_is_taken, (*inputs, *outputs)))
        if tensors and "_expanded" not in test.name:
            yield _case(test.name.removeprefix("test_"), test.model, inputs, outputs)


def operator(case: OpCase) -> str:
    """Return the name of a case's operator as an error has it."""
    node = case.model.graph.node[0]
    return f"{node.domain}.{node.op_type}".removeprefix(".")


def refusal(case: OpCase) -> str | None:
    """Return why `case` is refused, or None if it is to be computed."""
    listed = (reason for row, reason in CASES.items() if fnmatchcase(case.name, row))
    return OPERATORS.get(operator(case)) or next(listed, None)


def _is_taken(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.name in DTYPES


def _case(name: str, source: onnx.ModelProto, inputs: list[Any], outputs: list[Any]) -> OpCase:
    """Return a test with the inputs that shapes depend on as constants, in the newest opset."""
    model = onnx.ModelProto()
    model.CopyFrom(source)
    graph = model.graph
    constant = {
        node.input[index]
        for node in graph.node
        for index in (*CONSTANT_INPUTS.get(node.op_type, ()), *ALSO_CONSTANT.get(node.op_type, ()))
        if index < len(node.input)
    }
    given = dict(zip([value.name for value in graph.input], inputs, strict=True))
    for value in [value for value in graph.input if value.name in constant]:
        graph.input.remove(value)
        graph.initializer.append(numpy_helper.from_array(given.pop(value.name), value.name))
    _renew(model)
    names = [value.name for value in graph.output]
    return OpCase(name, model, given, dict(zip(names, outputs, strict=True)))


def _renew(model: onnx.ModelProto) -> None:
    """Raise the opset to the newest in which the node means the same: more tests share a bundle."""
    node = model.graph.node[0]
    if node.domain or len(model.graph.node) > 1:
        return
    (opset,) = model.opset_import
    since = defs.get_schema(node.op_type, opset.version).since_version
    newer = range(opset.version, defs.onnx_opset_version() + 1)
    opset.version = max(
        version
        for version in newer
        if defs.get_schema(node.op_type, version).since_version == since
    )
    model.ir_version = IR_VERSION
