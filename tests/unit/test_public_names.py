"""`import pyjsml` is cheap, and offers just what is promised."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import pyjsml

PUBLIC = ["Bundle", "Executor", "PyjsmlError", "UserError", "__version__", "bundle", "check"]
HEAVY = ("jinja2", "numpy", "onnx", "rich", "torch", "tvm")


def test_public_names() -> None:
    assert pyjsml.__all__ == PUBLIC
    assert dir(pyjsml) == PUBLIC
    for name in PUBLIC:
        assert getattr(pyjsml, name) is not None


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'bundel'"):
        pyjsml.bundel  # noqa: B018


@pytest.mark.parametrize("name", ["bundle", "check"])
def test_a_function_stays_one_when_the_submodule_of_its_name_is_imported(name: str) -> None:
    import_module(f"pyjsml.{name}")
    function = getattr(pyjsml, name)
    assert function is getattr(import_module("pyjsml.api"), name)


def test_import_loads_nothing_heavy() -> None:
    assert _loaded("import pyjsml, pyjsml.errors") == []


def test_command_line_loads_nothing_heavy() -> None:
    assert _loaded("import pyjsml.cli") == []


def _loaded(statement: str) -> list[str]:
    """Return which of HEAVY `statement` loads in a fresh interpreter."""
    report = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    command = [sys.executable, "-c", f"{statement}; {report}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
