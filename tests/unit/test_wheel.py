"""The wheel has all that it needs; installed outside of the checkout, it bundles and runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]

MODEL = '''
"""A model that lives outside of pyjsml."""

import torch


class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + x)


def make():
    return Double(), (torch.zeros(2, 3),)
'''

ALONE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
"""An environment that leads to no checkout."""

needs_runtime = pytest.mark.skipif(
    not (ROOT / "js/dist/runtime").is_dir(), reason="the runtime is not built: run `make build`"
)
pytestmark = [needs_runtime, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_file_list(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    packaged = {name for name in names if ".dist-info/" not in name}
    expected = {
        *(f"pyjsml/{path}" for path in _files("pyjsml", "*.py")),
        *(f"pyjsml/{path}" for path in _files("pyjsml", "*.*js")),
        *(f"pyjsml/{path}" for path in _files("pyjsml", "*.jsonl")),
        "pyjsml/py.typed",
        *(f"pyjsml/_data/templates/{path}" for path in _files("templates", "*")),
        *(f"pyjsml/_data/demo/{path}" for path in _files("demo", "*")),
        *(f"pyjsml/_data/runtime/{path}" for path in _files("js/dist", "*.?s")),
    }
    assert packaged == expected
    for essential in (
        "pyjsml/_data/templates/index.js.jinja",
        "pyjsml/_data/runtime/runtime/index.js",
        "pyjsml/_data/runtime/runtime/index.d.ts",
        "pyjsml/_data/runtime/pyjsml.script.js",
        "pyjsml/_data/demo/index.html",
    ):
        assert essential in packaged
    licence = [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    assert len(licence) == 1


def test_installed_outside_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Install the wheel alone; its dependencies are those of this interpreter."""
    pyjsml = _install(wheel, tmp_path / "venv")
    (tmp_path / "outside.py").write_text(MODEL)
    (tmp_path / "x.json").write_text("[[-1, 2, -3], [4, -5, 6]]")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [pyjsml, *arguments],
            cwd=tmp_path,
            env=ALONE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("bundle", "outside:make", "-o", "double")
    assert (tmp_path / "double/runtime/index.js").is_file()
    said = run("run", "double", "--input", "x.json", "--json")
    assert "".join(said.split()).count("[[0.0,4.0,0.0],[8.0,0.0,12.0]]") == 1


def _install(wheel: Path, folder: Path) -> str:
    """Install `wheel` into a fresh virtual environment that sees this one's packages too.

    A .pth file names them: whatever it holds comes after the environment's own packages, so the
    wheel's pyjsml wins over the checkout's.
    """
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    target = sysconfig.get_path("purelib", vars={"base": str(folder)})
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel)],
        check=True,
        env=os.environ | {"PIP_USER": "0"},
    )
    Path(target, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = subprocess.run(
        [python, "-c", "import pyjsml; print(pyjsml.__file__)"],
        cwd=folder,
        env=ALONE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(folder))
    return str(folder / "bin/pyjsml")


def _files(folder: str, pattern: str) -> set[str]:
    return {
        file.relative_to(ROOT / folder).as_posix()
        for file in (ROOT / folder).rglob(pattern)
        if file.is_file() and "__pycache__" not in file.parts
    }
