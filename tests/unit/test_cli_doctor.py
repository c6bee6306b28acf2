"""`pyjsml doctor` finds what is here, and says how to get what is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyjsml import doctor
from pyjsml.cli import main
from pyjsml.engines import ENGINES


def test_lists_engines_packages_and_tools() -> None:
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 0
    findings = json.loads(result.stdout)
    names = [finding["name"] for finding in findings]
    assert names[: len(ENGINES)] == [engine.name for engine in ENGINES]
    found = {finding["name"]: finding["detail"] for finding in findings if finding["found"]}
    assert found["pythonmonkey"] == "ready"
    assert found["python"] == sys.version.split()[0]


def test_shows_a_table() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    assert "pythonmonkey" in result.stdout
    assert "found" in result.stdout


def test_says_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such-package": "pip install no-such-package"})
    findings = {finding.name: finding for finding in doctor.examine()}
    assert not findings["node"].found
    npm, package = findings["npm"], findings["no-such-package"]
    assert (npm.found, npm.detail) == (False, doctor.TOOLS["npm"])
    assert (package.found, package.detail) == (False, "pip install no-such-package")


def test_a_tool_that_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "npm"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    npm = next(finding for finding in doctor.examine() if finding.name == "npm")
    assert not npm.found
    assert f"{broken} does not run" in npm.detail
