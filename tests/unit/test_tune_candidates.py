"""Which parameters a search tries."""

from __future__ import annotations

import random
from dataclasses import asdict

from pyjsml.kernels.parameters import Parameters
from pyjsml.tune.candidates import ACCUMULATORS, in_order, neighbours, space

DEFAULT = Parameters(rows=4, panels=1, unroll=1, block=7, by_column=False, splits=1)


def test_the_space_holds_the_default_and_fits_the_registers() -> None:
    choices = space(DEFAULT)
    assert DEFAULT in choices
    assert len(set(choices)) == len(choices) > 100
    assert all(2 * c.rows * c.panels * c.splits <= ACCUMULATORS for c in choices)
    assert {c.block for c in choices} == {0, 2, 4, 7, 14, 28}
    assert all(c.block == 0 for c in choices if c.by_column)


def test_neighbours_differ_in_one_parameter() -> None:
    near = neighbours(DEFAULT, space(DEFAULT))
    assert near
    for choice in near:
        assert len(asdict(choice).items() - asdict(DEFAULT).items()) == 1


def test_all_that_is_left_comes_once_and_what_is_near_comes_early() -> None:
    left = [choice for choice in space(DEFAULT) if choice != DEFAULT]
    order = list(in_order(left, DEFAULT, random.Random(0)))
    assert order == list(in_order(left, DEFAULT, random.Random(0)))
    assert len(order) == len(left)
    assert set(order) == set(left)
    near = neighbours(DEFAULT, left)
    assert set(near) <= set(order[: 2 * len(near)])
