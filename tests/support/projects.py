"""Node projects of a test's own: their commands, and TypeScript as a strict consumer has it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "node_modules"
"""The npm packages that tests use."""

needs_npm = pytest.mark.skipif(
    shutil.which("npm") is None or not TOOLS.exists(),
    reason="needs npm and the npm packages that `make setup` installs",
)


def call(*command: str, cwd: Path) -> str:
    """Run a command that has to succeed; return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[:3]}: {done.stdout}{done.stderr}"
    return done.stdout


def compile_types(project: Path, source: str, resolution: str = "nodenext") -> None:
    """Compile `source` as TypeScript does when it is strict, to main.js; fail on any error."""
    (project / "main.ts").write_text(source, encoding="utf-8")
    options = {
        "target": "ES2022",
        "lib": ["ES2022", "DOM"],
        "module": "nodenext" if resolution == "nodenext" else "esnext",
        "moduleResolution": resolution,
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "types": [],
    }
    config = {"compilerOptions": options, "files": ["main.ts"]}
    (project / "tsconfig.json").write_text(json.dumps(config))
    call("node", str(TOOLS / "typescript" / "bin" / "tsc"), "-p", ".", cwd=project)
