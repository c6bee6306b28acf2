"""What the README tells people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyjsml.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_commands_exist() -> None:
    blocks = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    typed = re.findall(r"^pyjsml ([a-z]+)", blocks, re.MULTILINE)
    assert {*typed, *re.findall(r"`pyjsml ([a-z]+)", README)} == set(main.commands)


def test_options_exist() -> None:
    known = {
        name
        for command in (main, *main.commands.values())
        for parameter in command.params
        for name in parameter.opts
    } | {"--help"}
    assert set(re.findall(r"--[a-z]+", README)) <= known


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
    assert targets
    assert targets <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_make_help_explains_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE))
    assert explained == set(phony[1].split())


def test_make_targets_are_short() -> None:
    for rule in re.split(r"\n(?=\S)", MAKEFILE):
        assert rule.count("\n\t") < 20, rule


def test_extras_exist() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extras in re.findall(r"pyjsml\[([a-z0-9,]+)\]", README):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} = \[", pyproject, re.MULTILINE), extra


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_examples_compile(block: str) -> None:
    compile(block, "README.md", "exec")


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    folders = r"(?:demo|docs|js|pyjsml|scripts|templates|tests)/"
    named = {ROOT / path for path in re.findall(rf"`({folders}[\w./-]*)`", text)}
    linked = {page.parent / path for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", text)}
    assert [str(path) for path in named | linked if not path.exists()] == []
