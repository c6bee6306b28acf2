"""The command line: help, exit codes, and what is said to whom."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyjsml import __version__, api
from pyjsml.cli import main
from pyjsml.errors import EngineError, UnsupportedOpError

COMMANDS = ("bundle", "run", "check", "inspect", "tune", "doctor", "demo")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_help_lists_the_commands() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {command}")


def test_version() -> None:
    assert invoke("--version").stdout == f"pyjsml, version {__version__}\n"


def test_runs_as_a_module(record_property: Callable[[str, object], None]) -> None:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pyjsml", "--help"], capture_output=True, text=True, check=True
    )
    # For the record: how long a user waits for help.
    record_property("seconds", round(time.perf_counter() - start, 3))
    assert "Usage: pyjsml" in done.stdout or "Usage: python -m pyjsml" in done.stdout
    assert done.stderr == ""


def test_unknown_command() -> None:
    result = invoke("bandle")
    assert result.exit_code == 2
    assert "No such command 'bandle'" in result.stderr


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def bundle(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api, "bundle", bundle)


def test_user_error_is_one_message_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    problems = ["Foo (3 nodes): a, b, c", "Bar (1 node): d"]
    fail_with(UnsupportedOpError("these operators have no kernel:", problems), monkeypatch)
    result = invoke("bundle", "model.onnx", "-o", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "error: these operators have no kernel:\n  - Foo (3 nodes): a, b, c\n  - Bar (1 node): d\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), EngineError("RangeError", "oops")])
def test_unexpected_error_says_how_to_see_more(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fail_with(error, monkeypatch)
    result = invoke("bundle", "model.onnx", "-o", str(tmp_path / "out"))
    assert result.exit_code == 70
    assert result.stdout == ""
    assert type(error).__name__ in result.stderr
    assert "oops" in result.stderr
    assert "pyjsml --traceback bundle" in result.stderr
    assert "Traceback" not in result.stderr


def test_traceback_shows_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fail_with(ZeroDivisionError("oops"), monkeypatch)
    result = invoke("--traceback", "bundle", "model.onnx", "-o", str(tmp_path / "out"))
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m pyjsml --help | true"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stderr == ""
