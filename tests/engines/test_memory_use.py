"""Many runs of one session need no more memory than a few."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from pyjsml.emit import emit
from pyjsml.engines import Engine
from tests.engines.programs import chain_program
from tests.support.browsers import ENDED, descendants, tidy_firefox

RUNS = 1000
ROWS = 50_000  # 0.6 MB in and 0.6 MB out: kept, either of them would be 600 MB after all runs.
LEEWAY = 300_000_000
"""Bytes that garbage which is yet to be collected may take."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads the memory in use from /proc"
)


def memory_in_use() -> int:
    """Return the bytes that this process and those it started have in physical memory."""
    gc.collect()
    total = 0
    for process in (os.getpid(), *descendants(os.getpid())):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except ENDED:
            continue
        lines = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        total += sum(int(line.split()[1]) * 1024 for line in lines)
    return total


@pytest.mark.slow
def test_runs_leave_nothing_behind(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.name == "firefox":
        monkeypatch.setenv("TMPDIR", str(tmp_path))

    def settled() -> int:
        if engine.name == "firefox":
            tidy_firefox(tmp_path)
        return memory_in_use()

    x = np.ones((ROWS, 3), "f4")
    with engine.open(emit(chain_program(rows=ROWS))) as session:
        for _ in range(RUNS // 5):
            session.run({"x": x})
        before = settled()
        for _ in range(RUNS):
            session.run({"x": x})
        grown = settled() - before
    assert grown < LEEWAY
