"""Set-up says, in a sentence, what is missing and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD = "exit 1"
WITHOUT_VENV = '[ "$1" = -c ]'


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Return a folder that holds just what every system has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "env"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def fake(tools: Path, name: str, script: str) -> None:
    file = tools / name
    file.write_text(f"#!/usr/bin/env bash\n{script}\n")
    file.chmod(0o755)


def setup(tools: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(tools), "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [str(ROOT / "scripts" / script), *arguments],
        cwd=tools.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("python", [None, OLD], ids=["none", "old"])
def test_no_recent_python(tools: Path, python: str | None) -> None:
    if python:
        fake(tools, "python3", python)
    done = setup(tools, "setup-python", "venv")
    assert done.returncode == 1
    assert done.stderr.startswith("setup: Python 3.11 or newer is needed. Install it")


def test_python_without_venv(tools: Path) -> None:
    fake(tools, "python3", WITHOUT_VENV)
    done = setup(tools, "setup-python", "venv")
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_no_node(tools: Path) -> None:
    done = setup(tools, "setup-node")
    assert done.returncode == 1
    assert done.stderr.startswith("setup: Node.js 20.16 or newer is needed. On Debian")


def test_old_node(tools: Path) -> None:
    fake(tools, "npm", "exit 0")
    fake(tools, "node", '[ "$1" = -e ] && exit 1; echo v18.20.4')
    done = setup(tools, "setup-node")
    assert done.returncode == 1
    assert "this is v18.20.4" in done.stderr


def test_no_npm(tools: Path) -> None:
    fake(tools, "node", "exit 0")
    done = setup(tools, "setup-node")
    assert done.returncode == 1
    assert "npm is needed. On Debian and Ubuntu: apt-get install npm" in done.stderr


def test_no_browser_is_no_failure(tools: Path) -> None:
    (tools.parent / "venv/bin").mkdir(parents=True)
    fake(tools.parent / "venv/bin", "python", "exit 1")
    for name in ("id", "sudo"):
        fake(tools, name, "exit 1")
    fake(tools, "timeout", "exit 1")
    done = setup(tools, "setup-browser", "venv")
    assert done.returncode == 0
    assert "apt-get install chromium" in done.stderr
