"""Integers of either sign are divided towards minus infinity, in every browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pyjsml import Bundle, api
from pyjsml.engines import get_engine
from tests.support.browsers import NAMES, need_browser

pytestmark = pytest.mark.usefixtures("one_firefox")

CONSTANTS = (-15, -8, -3, 7, 8)
DIVISORS = np.array([-16, -7, -2, -1, 1, 3, 5, 16], np.int32)
NUMBERS = np.arange(-101, 103, dtype=np.int32)
"""More than one row of a texture, and one of them is not full."""


class Division(torch.nn.Module):
    """Quotients and remainders by what is given, and by constants."""

    def forward(self, numbers: torch.Tensor, divisors: torch.Tensor) -> list[torch.Tensor]:
        """Divide each of `numbers` by each of `divisors`, and by each of the constants."""
        others: list[Any] = [divisors, *CONSTANTS]
        quotients = [torch.div(numbers, other, rounding_mode="floor") for other in others]
        return [*quotients, *(torch.remainder(numbers, other) for other in others)]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    made = api.bundle(Division(), tuple(map(torch.from_numpy, given())), devices=["webgl2"])
    assert made.manifest["unshaded"] == {}
    return made


def given() -> tuple[np.ndarray, np.ndarray]:
    """Return a column of numbers, and the divisors."""
    return NUMBERS[:, np.newaxis], DIVISORS


@pytest.mark.parametrize("browser", NAMES)
def test_quotients_and_remainders(browser: str, bundle: Bundle) -> None:
    need_browser(browser)
    numbers, divisors = given()
    others = [divisors, *CONSTANTS]
    expected = [numbers // other for other in others] + [numbers % other for other in others]
    with get_engine(browser).open(bundle, device="webgl2") as session:
        found = session.run({"numbers": numbers, "divisors": divisors})
    for value, wanted in zip(found.values(), expected, strict=True):
        np.testing.assert_array_equal(value, wanted)
