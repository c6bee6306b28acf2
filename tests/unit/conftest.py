"""A bundle that needs no compiler, for the tests of what is done with bundles."""

from __future__ import annotations

import pytest

from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from tests.support.tiny import tiny_dynamic_program, tiny_program, with_kernels


@pytest.fixture(scope="session")
def tiny() -> Bundle:
    """Return the bundle of `tiny_program`."""
    return emit(with_kernels(tiny_program()))


@pytest.fixture(scope="session")
def tiny_dynamic() -> Bundle:
    """Return the bundle of `tiny_dynamic_program`."""
    return emit(with_kernels(tiny_dynamic_program()))
