"""A bundle that needs no compiler, for the tests of what is done with bundles."""

from __future__ import annotations

import pytest

from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from tests.support.tiny import tiny_dynamic_program, tiny_program, with_kernels


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the bundle of `tiny_program`."""
    return emit(with_kernels(tiny_program(), tmp_path_factory.mktemp("kernels")))


@pytest.fixture(scope="session")
def tiny_dynamic(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the bundle of `tiny_dynamic_program`."""
    return emit(with_kernels(tiny_dynamic_program(), tmp_path_factory.mktemp("kernels")))
