"""A TypeScript project installs a packed bundle, compiles against its types, and runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.consumer import Case, consumer
from tests.support.pages import logged_in_chromium, needs_chromium, served, write_page
from tests.support.projects import TOOLS, call, compile_types, needs_npm

pytestmark = needs_npm


def close_to(expected: list[float]) -> Any:
    return pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("resolution", ["nodenext", "bundler"])
def test_compiles_and_runs_in_node(case: Case, project: Path, resolution: str) -> None:
    compile_types(project, consumer(case), resolution)
    assert json.loads(call("node", "main.js", cwd=project)) == close_to(case.expected)


@needs_chromium
@pytest.mark.parametrize("inline", ["0", "4096"], ids=["files", "data-urls"])
def test_runs_in_chromium_through_vite(case: Case, project: Path, inline: str) -> None:
    """Vite turns files of up to `inline` bytes into data URLs, and copies the others."""
    (project / "main.ts").write_text(consumer(case), encoding="utf-8")
    write_page(project, "main.ts")
    vite = str(TOOLS / "vite" / "bin" / "vite.js")
    call("node", vite, "build", "--assetsInlineLimit", inline, cwd=project)
    with served(project / "dist") as address:
        assert logged_in_chromium(address) == close_to(case.expected)


@needs_chromium
def test_runs_in_chromium_without_a_bundler(case: Case, project: Path) -> None:
    source = consumer(case).replace(", type Outputs", "").replace(": Outputs", "")
    source = source.replace(": number[]", "")
    source = source.replace(json.dumps(f"{case.name}/runtime"), '"./bundle/runtime/index.js"')
    source = source.replace(json.dumps(case.name), '"./bundle/index.js"')
    (project / "page.js").write_text(source, encoding="utf-8")
    write_page(project, "page.js")
    with served(project) as address:
        assert logged_in_chromium(address) == close_to(case.expected)
