"""Operators compute on WebGL2 what ONNX's own node tests and the peers' cases expect.

Chromium runs them, with a GPU or without. What has no shader runs on wasm in between. The tests
that ONNX Runtime Web lists also run in Firefox, and where floats are kept in other ways.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjsml.engines import get_engine
from tests.ops import expectations
from tests.ops.batches import failures, outcomes
from tests.ops.node_cases import node_tests
from tests.ops.node_expectations import MISTAKEN
from tests.ops.seats import OTHER_WEBGL2
from tests.ops.test_onnx_node_tests import refusal
from tests.ops.test_peer_cases import SUITES, cases_of
from tests.ops.webgl_list import webgl_cases
from tests.support.op_cases import OpCase

PARTS = 8
"""Into how many tests those of the nodes are cut: a software renderer takes its time."""
MASKED = {
    "attention_4d_causal",
    "attention_local_window",
    "flexattention",
}
"""Tests of attention that masks in its own ways."""
FLOAT64 = {"cast_DOUBLE_to_FLOAT", "cast_FLOAT_to_DOUBLE"}
"""The tests that ONNX Runtime Web lists, and that are on wasm: WebGL2 has no float64."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_firefox"),
    pytest.mark.skipif(get_engine("chromium").available() is not None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def nodes() -> list[OpCase]:
    """Return the tests in the order of their opsets, which cases of a bundle have in common."""
    computed = (case for case in node_tests() if refusal(case) is None)
    return sorted(computed, key=lambda case: case.opsets)


@pytest.mark.parametrize("part", range(PARTS))
def test_node_tests_compute_what_they_expect(nodes: list[OpCase], part: int) -> None:
    assert len(nodes) > 700
    first, end = (len(nodes) * edge // PARTS for edge in (part, part + 1))
    assert not list(failures(nodes[first:end], MISTAKEN, "webgl2"))


def test_what_onnx_runtime_web_lists_for_its_webgl_is_computed(models: Path) -> None:
    also = [seat for seat in OTHER_WEBGL2 if seat.engine.available() is None]
    found = list(outcomes(list(webgl_cases(models)), "webgl2", also))
    assert len(found) == 204
    assert not [each for each in found if not each.is_right]
    names = {each.case.name for each in found}
    assert all(names.issuperset(seat.beyond) for seat in OTHER_WEBGL2)
    assert {each.case.name for each in found if each.unshaded} == FLOAT64


def test_masks_are_kept_in_float16(nodes: list[OpCase]) -> None:
    # Lowest numbers and infinities stand for what is masked, and 16 bits hold neither everywhere.
    cases = [case for case in nodes if case.name in MASKED]
    assert len(cases) == len(MASKED)
    found = list(outcomes(cases, "webgl2", OTHER_WEBGL2[:1]))
    assert not [each for each in found if not each.is_right]


@pytest.mark.parametrize("suite", SUITES)
def test_cases_of_peers_compute_what_they_expect(models: Path, suite: str) -> None:
    cases = [case for case in cases_of(models, suite) if expectations.refusal(case) is None]
    assert len(cases) > 150
    assert not list(failures(cases, expectations.MISTAKEN, "webgl2"))
