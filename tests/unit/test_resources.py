"""Templates and the runtime are found in a checkout and in a wheel, and missed by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjsml import resources
from pyjsml.errors import ResourceError
from pyjsml.resources import resource_directory


def test_finds_what_the_checkout_has() -> None:
    assert (resource_directory("templates") / "index.js.jinja").is_file()
    assert (resource_directory("runtime") / "runtime" / "index.js").is_file()


def test_a_wheel_s_own_files_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pyjsml"
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    (tmp_path / "templates").mkdir()
    assert resource_directory("templates") == tmp_path / "templates"
    (package / "_data" / "templates").mkdir(parents=True)
    assert resource_directory("templates") == package / "_data" / "templates"


def test_says_how_to_restore_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "pyjsml" / "resources.py"))
    with pytest.raises(ResourceError, match="make setup"):
        resource_directory("runtime")
