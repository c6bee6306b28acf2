"""`pyjsml demo` from training to the last line, and the commands that it says to type next."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from pyjsml.engines import ENGINES

COMMAND = (sys.executable, "-m", "pyjsml")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """Return what the demo says on stdout."""
    return _run(folder, *COMMAND, "demo")


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_every_engine_that_is_here_gives_the_same_answers_as_torch(said: str) -> None:
    (torch_accuracy,) = re.findall(r"^\s*torch\s+(\d+\.\d+%)", said, re.MULTILINE)
    for engine in ENGINES:
        if engine.available() is None:
            row = rf"^\s*{engine.name}\s+{torch_accuracy}\s+(\d+) of (\d+)\s"
            ((same, count),) = re.findall(row, said, re.MULTILINE)
            assert same == count
        else:
            assert f"left out {engine.name}: " in said


def test_the_next_commands_work(said: str, folder: Path) -> None:
    after = said.split("What to type next:\n")[1]
    commands = [re.split(r"\s{2,}", line.strip())[0] for line in after.splitlines() if line.strip()]
    tried = 0
    for command in commands:
        _, _, arguments = command.partition("pyjsml ")
        if arguments and "--serve" not in arguments:
            _run(folder, *COMMAND, *shlex.split(arguments))
            tried += 1
    assert tried == 3


def test_run_reads_the_written_digit(said: str, folder: Path) -> None:
    arguments = ("run", "digits", "--input", "image=digits.npz", "--json")
    outputs = json.loads(_run(folder, *COMMAND, *arguments))
    assert outputs["probabilities"]["shape"] == [1, 10]
    assert max(outputs["probabilities"]["data"][0]) > 0.5


def test_serve(folder: Path) -> None:
    command = [*COMMAND, "demo", "--serve", "--port", "0", "-o", "served"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = next(line for line in process.stdout if "http://" in line)
            (address,) = re.findall(r"http://127\.0\.0\.1:\d+/", line)
            with urlopen(address) as page:
                assert b"Draw a digit" in page.read()
            with urlopen(f"{address}model/manifest.json") as manifest:
                assert json.load(manifest)["name"] == "digits"
        finally:
            process.terminate()
