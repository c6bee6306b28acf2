"""Operators compute on WebGL2 what ONNX's own node tests and the peers' cases expect.

Chromium runs them, with a GPU or without. What has no shader runs on wasm in between.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjsml.engines import get_engine
from tests.ops import expectations, node_expectations, test_onnx_node_tests
from tests.ops.batches import failures
from tests.ops.test_peer_cases import SUITES, cases_of
from tests.support.op_cases import OpCase

PARTS = 8
"""Into how many tests those of the nodes are cut: a software renderer takes its time."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(get_engine("chromium").available() is not None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def nodes() -> list[OpCase]:
    tests = test_onnx_node_tests.node_tests()
    return [case for case in tests if test_onnx_node_tests.refusal(case) is None]


@pytest.mark.parametrize("part", range(PARTS))
def test_node_tests_compute_what_they_expect(nodes: list[OpCase], part: int) -> None:
    assert len(nodes) > 700
    assert not list(failures(nodes[part::PARTS], node_expectations.MISTAKEN, "webgl2"))


@pytest.mark.parametrize("suite", SUITES)
def test_cases_of_peers_compute_what_they_expect(models: Path, suite: str) -> None:
    cases = [case for case in cases_of(models, suite) if expectations.refusal(case) is None]
    assert len(cases) > 150
    assert not list(failures(cases, expectations.MISTAKEN, "webgl2"))
