"""What is said of a list of times."""

from __future__ import annotations

import pytest

from pyjsml.bench.statistics import Times, geometric_mean


def test_quartiles() -> None:
    found = Times.of([5.0, 1.0, 2.0, 3.0, 4.0])
    assert (found.median, found.low, found.high, found.least) == (3.0, 2.0, 4.0, 1.0)
    assert found.rounds == 5


def test_one_sample() -> None:
    assert Times.of([7.0]) == Times(7.0, 7.0, 7.0, 7.0, 1)


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0, 8.0]) == pytest.approx(2.0)
