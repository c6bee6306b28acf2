"""Operators compute what the cases of ONNX Runtime Web and of ONNX.js expect, or are refused.

The cases go through the whole compiler and run in an engine, many to a bundle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.ops.batches import failures, is_refused
from tests.ops.expectations import CASES, MISTAKEN, OPERATORS, refusal
from tests.support.op_cases import OpCase, read_cases

SUITES = ("ort-web-ops", "onnxjs-ops")
WITH_WEIGHTS = ("batch-norm", "conv", "conv-transpose", "conv1d", "fused-conv", "gemm", "matmul")
"""Files whose cases also run with all inputs but the first as weights."""
LARGE = ("pad-big",)
"""Files left out: their data are large, and small cases of the same operator show the same."""

pytestmark = pytest.mark.slow


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest, models: Path) -> list[OpCase]:
    return list(cases_of(models, request.param))


def test_cases_compute_what_they_expect(suite: list[OpCase]) -> None:
    cases = [case for case in suite if refusal(case) is None]
    assert len(cases) > 150
    assert not list(failures(cases, MISTAKEN))


def test_cases_compute_the_same_with_weights(models: Path) -> None:
    cases = list(cases_of(models, SUITES[0], WITH_WEIGHTS, weights=True))
    assert len(cases) > 50
    assert not list(failures([case for case in cases if refusal(case) is None], MISTAKEN))


def test_what_is_listed_is_refused_in_a_sentence(suite: list[OpCase]) -> None:
    accepted = [
        f"{case.name} is computed: take it off the list (it says: {reason})"
        for case in suite
        if (reason := refusal(case)) is not None and not is_refused(case)
    ]
    assert not accepted


def test_every_row_of_the_list_has_a_case(models: Path) -> None:
    cases = [case for suite in SUITES for case in cases_of(models, suite)]
    nodes = [case.model.graph.node[0] for case in cases]
    operators = {f"{node.domain}.{node.op_type}".removeprefix(".") for node in nodes}
    assert operators.issuperset(OPERATORS)
    for row in (*CASES, *MISTAKEN):
        assert any(case.name.startswith(row) for case in cases), row


def cases_of(
    models: Path, suite: str, files: Sequence[str] = (), *, weights: bool = False
) -> Iterator[OpCase]:
    """Yield the cases of a suite, named after suite, file, test and case."""
    for path in sorted((models / "peers" / suite).glob("*.jsonc")):
        if path.stem.startswith("_") or path.stem in LARGE or (files and path.stem not in files):
            continue
        for case in read_cases(path, weights=weights):
            yield OpCase(f"{suite}/{case.name}", case.model, case.inputs, case.outputs)
