"""Many small runs, and hundreds of sessions, leave nothing behind in an engine in process."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pyjsml.bundle import Bundle
from pyjsml.engines import Engine, get_engine
from tests.engines.test_memory_use import memory_in_use

RUNS = 20_000
"""As many to begin with: PythonMonkey's heap grows for so long, and then no more."""
SESSIONS = 200
LEEWAY = 10_000_000
"""Bytes that the engine may keep for later use: 500 for each run, or 50,000 for each session, which
has a wasm memory of more than that."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="reads the memory in use from /proc"
    ),
]

X = np.ones((2, 3), "f4")


@pytest.fixture(params=["pythonmonkey", "v8"])
def inner(request: pytest.FixtureRequest) -> Engine:
    engine = get_engine(request.param)
    if problem := engine.available():
        pytest.skip(problem)
    return engine


def settled() -> int:
    """Return the bytes in use once PythonMonkey, which is slow to collect its garbage, has."""
    if "pythonmonkey" in sys.modules:
        sys.modules["pythonmonkey"].collect()
    return memory_in_use()


def test_small_runs_leave_nothing_behind(inner: Engine, chain_bundle: Bundle) -> None:
    with inner.open(chain_bundle) as session:
        for _ in range(RUNS):
            session.run({"x": X})
        before = settled()
        for _ in range(RUNS):
            session.run({"x": X})
        assert settled() - before < LEEWAY


def test_sessions_leave_nothing_behind(inner: Engine, chain_bundle: Bundle) -> None:
    def open_many(count: int) -> None:
        for _ in range(count):
            with inner.open(chain_bundle) as session:
                session.run({"x": X})

    open_many(SESSIONS // 5)
    before = settled()
    open_many(SESSIONS)
    assert settled() - before < LEEWAY
