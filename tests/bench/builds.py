"""How long `pyjsml bundle` takes, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyjsml.cache import VARIABLE
from tests.bench.rows import Row


def builds(name: str) -> dict[str, float]:
    """Return the seconds `{cold, warm}` of bundling a row's ONNX file: nothing cached, and again.

    Raises CalledProcessError if it can't be bundled.
    """
    source = Row(name).onnx()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {VARIABLE: str(Path(folder) / "cache")}
        target = Path(folder) / "model"
        command = [sys.executable, "-m", "pyjsml", "bundle", str(source), "-o", str(target)]

        def took() -> float:
            begin = time.perf_counter()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            return time.perf_counter() - begin

        return {"cold": took(), "warm": took()}
