"""`pyjsml bundle`, stopped at any time: the bundle that was there stays, or nothing is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pyjsml import Bundle
from pyjsml.cli.failures import INTERRUPTED
from pyjsml.files import walk
from tests.support.models import conv_model, save

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="stops a process with a signal"),
]

MOMENTS = ("start", "load", "compile", "emit", "writing")
"""When to stop: at once, when a stage is told to be done, or when the first file is written."""


MANIFEST = {"format": {"name": "pyjsml", "version": 0}, "files": {"index.js": {}}}
OLD = Bundle({"index.js": b"old", "manifest.json": json.dumps(MANIFEST).encode()})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(conv_model(), tmp_path_factory.mktemp("model") / "net.onnx")


@contextmanager
def bundling(model: Path, target: Path, temporary: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "pyjsml", "bundle", str(model), "-o", str(target)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,  # so that the signal meets whatever the process has started, too
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_for(moment: str, process: subprocess.Popen[str], folder: Path) -> None:
    assert process.stderr is not None
    if moment == "writing":
        while process.poll() is None and not list(folder.glob(".out.*.new/*")):
            time.sleep(0.0005)
    elif moment != "start":
        next(line for line in process.stderr if line.startswith(f"{moment}: "))


def stop(process: subprocess.Popen[str], how: signal.Signals) -> None:
    """Send a signal to a process, and to those it has started, unless it has ended by itself."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, how)


def contents(folder: Path) -> Mapping[str, bytes]:
    return {path: (folder / path).read_bytes() for path in walk(folder)}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("replaced", [False, True], ids=["nothing", "a-bundle"])
def test_a_kill_leaves_the_old_bundle_or_nothing(
    model: Path, tmp_path: Path, moment: str, replaced: bool
) -> None:
    folder, temporary = tmp_path / "folder", tmp_path / "temporary"
    target = folder / "out"
    folder.mkdir()
    temporary.mkdir()
    if replaced:
        OLD.write(target)
    with bundling(model, target, temporary) as process:
        wait_for(moment, process, folder)
        stop(process, signal.SIGKILL)
    if moment in ("start", "load"):  # What comes after these takes longer than a signal.
        assert target.exists() == replaced
    if target.exists() and contents(target) != OLD.files:
        Bundle.open(target)  # The new one, whole: the signal came too late.
    OLD.write(target)
    assert list(folder.iterdir()) == [target], "what was killed is not cleared up"
    assert contents(target) == OLD.files


@pytest.mark.parametrize("moment", MOMENTS[1:])
def test_ctrl_c_ends_it_at_once_and_leaves_nothing(
    model: Path, tmp_path: Path, moment: str
) -> None:
    folder, temporary = tmp_path / "folder", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    with bundling(model, folder / "out", temporary) as process:
        wait_for(moment, process, folder)
        stop(process, signal.SIGINT)
        _, said = process.communicate()
    target = folder / "out"
    assert "Traceback" not in said
    assert list(temporary.iterdir()) == []
    if moment != "load" and target.exists():  # It was done before the signal came.
        assert list(folder.iterdir()) == [target]
        Bundle.open(target)
        return
    assert process.returncode == INTERRUPTED
    assert said.endswith("interrupted\n")
    assert list(folder.iterdir()) == []


def test_ctrl_c_after_the_last_step_changes_nothing(model: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with bundling(model, tmp_path / "out", temporary) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.endswith("files\n"))
        stop(process, signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode in (0, INTERRUPTED), "Python did not come to its end"
    assert "Traceback" not in said
    Bundle.open(tmp_path / "out")
