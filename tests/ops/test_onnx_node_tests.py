"""Operators compute what ONNX's own node tests expect, or are refused in a sentence.

The tests are those of the `onnx` package that is installed, without those of operators that ONNX
writes out in simpler ones (their plain form is here). They go through the whole compiler and run in
an engine, many to a bundle.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.ops.batches import failures, is_refused
from tests.ops.node_cases import node_tests, operator
from tests.ops.node_expectations import CASES, MISTAKEN, OPERATORS
from tests.support.op_cases import OpCase

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


def refusal(case: OpCase) -> str | None:
    """Return why `case` is refused, or None if it is to be computed."""
    listed = (reason for row, reason in CASES.items() if fnmatchcase(case.name, row))
    return OPERATORS.get(operator(case)) or next(listed, None)
