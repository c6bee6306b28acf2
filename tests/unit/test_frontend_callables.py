"""Models that a function of the user's returns."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pyjsml.errors import ModelError
from pyjsml.frontend import load, parse_inputs

FACTORY = """
import torch

def bare():
    return torch.nn.Linear(3, 2)

def with_example():
    return torch.nn.Linear(3, 2), (torch.zeros(1, 3),)

def broken():
    raise RuntimeError("no weights here")

def number():
    return 3

value = 4
"""


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "pyjsml_test_factory.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "pyjsml_test_factory", raising=False)
    return "pyjsml_test_factory"


def test_callables(factory: str) -> None:
    program = load(f"{factory}:with_example")
    assert program.name == "with_example"
    assert program.signature.inputs[0].shape == (1, 3)
    wider = load(f"{factory}:bare", inputs=parse_inputs(["input=float32[4,3]"]))
    assert wider.signature.outputs[0].shape == (4, 2)
    # Initial weights are the same every time, so that a bundle can be made again.
    again = load(f"{factory}:with_example")
    np.testing.assert_array_equal(program.constants["weight"], again.constants["weight"])
    assert str(Path.cwd()) not in sys.path


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("broken", "RuntimeError: no weights here"),
        ("number", "returned int"),
        ("value", "no callable but of type int"),
        ("absent", "has no absent"),
    ],
)
def test_callables_that_are_none(factory: str, attribute: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(f"{factory}:{attribute}")


def test_modules_that_do_not_exist() -> None:
    with pytest.raises(ModelError, match="no_such_module can't be imported"):
        load("no_such_module:model")


def test_other_objects() -> None:
    with pytest.raises(ModelError, match="int is no model"):
        load(5)
