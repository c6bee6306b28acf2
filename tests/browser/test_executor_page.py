"""Everything that docs/executor.md has people write compiles and runs, as it stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import pyjsml
from pyjsml.bundle import Bundle
from pyjsml.cli import main
from tests.conftest import SharedBundle
from tests.support.classifier import SIZE, classifier
from tests.support.pages import PATIENCE_MS, Isolating, chromium, needs_chromium, served
from tests.support.projects import TOOLS, compile_types, needs_npm

pytestmark = needs_npm

PAGE = Path(__file__).parents[2] / "docs" / "executor.md"
SECTIONS = re.split(r"^#{1,3} ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
BLOCKS = {
    f"{section.splitlines()[0]} ({language})": code
    for section in SECTIONS
    for language, code in re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
}
PROGRAMS = {name: code for name, code in BLOCKS.items() if name.endswith("(ts)")}
OWN = PROGRAMS.pop("Ship it (ts)")
COMMANDS = [line for name, code in BLOCKS.items() if "(sh)" in name for line in code.splitlines()]
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)

DARK = np.zeros((1, 1, SIZE, SIZE), np.float32)
BRIGHT = np.full_like(DARK, 20.0)
IMAGE = np.linspace(0, 1, DARK.size, dtype=np.float32).reshape(DARK.shape)
IMAGES = (DARK, BRIGHT, IMAGE)

APP = f"""
export const image = Float32Array.of({", ".join(map(str, IMAGE.ravel().tolist()))});
export const images = [
  new Float32Array({DARK.size}), new Float32Array({DARK.size}).fill(20), image,
];
export function show(...what) {{
  const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
  console.log(JSON.stringify(what.map(plain)));
}}
"""
APP_TYPES = """
export const image: Float32Array;
export const images: Float32Array[];
export function show(...what: unknown[]): void;
"""

Shown = list[list[Any]]


def expected(image: np.ndarray, name: str = "probabilities") -> Any:
    """What torch gives, as `show` would show it."""
    with torch.no_grad():
        guess = classifier()(torch.from_numpy(image))[name]
    return pytest.approx(guess.ravel().tolist(), rel=1e-4, abs=1e-6)


def doubled_features() -> Any:
    model = classifier()
    with torch.no_grad():
        guess = model.head(model.body(2 * model.stem(torch.from_numpy(IMAGE))))
    return pytest.approx(guess.ravel().tolist(), rel=1e-4, abs=1e-6)


def timed(shown: Shown) -> None:
    *ops, [guess] = shown
    assert guess == expected(IMAGE)
    assert [name for name, _, _ in ops].count("softmax") == 1
    assert all(milliseconds >= 0 for _, _, milliseconds in ops)


def placed(shown: Shown) -> None:
    *ops, [guess] = shown
    assert guess == expected(IMAGE)
    devices = {name: device for name, device, _, _ in ops}
    assert devices["softmax"] == "wasm"
    assert all(threads <= 2 and why for _, _, threads, why in ops)


def two_models(shown: Shown) -> None:
    assert shown == [[expected(IMAGE), expected(IMAGE)]]


def as_one(shown: Shown) -> None:
    [[kinds, guess]] = shown
    assert guess == expected(IMAGE)
    assert kinds.count("block") == 1
    assert len([kind for kind in kinds if kind.endswith("conv2d")]) == 1


def dropped(shown: Shown) -> None:
    assert shown == [["dropped"], ["dropped"], [expected(IMAGE)]]


def hasty(shown: Shown) -> None:
    assert max(classifier()(torch.from_numpy(BRIGHT))["early"].ravel()) > 0.9
    assert shown == [[expected(DARK)], [expected(BRIGHT, "early")], [expected(IMAGE)]]


def told(shown: Shown) -> None:
    assert shown == [["run", 0], ["end", 0]]


def early(shown: Shown) -> None:
    assert shown == [[expected(IMAGE, "early")]]


def parts(shown: Shown) -> None:
    shape, guess = shown
    assert np.prod(shape[0]) == 8 * SIZE * SIZE
    assert guess == [doubled_features()]


def best(shown: Shown) -> None:
    with torch.no_grad():
        guesses = [classifier()(torch.from_numpy(image))["probabilities"] for image in IMAGES]
    assert shown == [[int(guess.argmax())] for guess in guesses]


CHECKS: dict[str, Callable[[Shown], None]] = {
    "Write your own executor": timed,
    "Use the GPU where there is one, else threads": placed,
    "Two models on one accelerator": two_models,
    "Run a module as one": as_one,
    "Drop a run when a newer input comes": dropped,
    "Stop when the answer is sure": hasty,
    "Policies": told,
    "Order": early,
    "Reach tensors, and run parts": parts,
    "Pipelines": best,
}


def test_each_program_has_its_check() -> None:
    assert [name.removesuffix(" (ts)") for name in PROGRAMS] == list(CHECKS)


@pytest.fixture(scope="module")
def bundle(shared_bundle: SharedBundle) -> Bundle:
    def make() -> Bundle:
        devices = ("wasm", "webgl2")
        return pyjsml.bundle(
            classifier(), (torch.zeros(DARK.shape),), name="classifier", devices=devices
        )

    return shared_bundle("classifier", make)


@pytest.fixture(scope="module")
def project(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("executors")
    for name in ("classifier", "captions"):
        bundle.write(root / "node_modules" / name)
    (root / "package.json").write_text('{"type": "module"}')
    (root / "app.js").write_text(APP)
    (root / "app.d.ts").write_text(APP_TYPES)
    return root


@pytest.fixture(scope="module", params=CHECKS)
def program(request: pytest.FixtureRequest, project: Path) -> tuple[str, Path]:
    """A program of the page, compiled strictly, and what it is called."""
    name: str = request.param
    compile_types(project, PROGRAMS[f"{name} (ts)"])
    file = project / f"{list(CHECKS).index(name)}.js"
    shutil.move(project / "main.js", file)
    return name, file


def shown_by(lines: Sequence[str]) -> Shown:
    return [json.loads(line) for line in lines if line.startswith("[")]


def test_runs_in_node(program: tuple[str, Path]) -> None:
    name, file = program
    command = ["node", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    CHECKS[name](shown_by(done.stdout.splitlines()))


@needs_chromium
def test_runs_in_chromium(program: tuple[str, Path]) -> None:
    name, file = program
    source = file.read_text("utf-8")
    for package in ("classifier", "captions"):
        source = source.replace(f'"{package}"', f'"./node_modules/{package}/index.js"')
        source = source.replace(
            f'"{package}/runtime"', f'"./node_modules/{package}/runtime/index.js"'
        )
    if CHECKS[name] is placed:  # Browsers of test machines draw by software, which is not picked.
        source, count = re.subn(r"\(await pickDevice\(\)\)\.device", '"webgl2"', source)
        assert count == 1
    page_file = file.with_suffix(".page.js")
    page_file.write_text(source + '\nconsole.log("done");\n', "utf-8")
    script = f'<script type="module" src="{page_file.name}"></script>'
    page_text = f'<!doctype html><link rel="icon" href="app.js">{script}'
    (file.parent / "index.html").write_text(page_text)
    said: list[str] = []
    with (
        served(file.parent, Isolating) as address,
        chromium() as browser,
    ):
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.wait_for_event("console", lambda message: message.text == "done")
    assert len(shown_by(said)) == len(said) - 1, said
    CHECKS[name](shown_by(said))
    if CHECKS[name] is placed:
        devices = {op[0]: op[1] for op in shown_by(said) if len(op) > 1}
        assert devices["relu_1"] == "webgl2"


@pytest.fixture
def here(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the page's commands name; TypeScript's compiler is within reach of it."""
    bundle.write(tmp_path / "classifier")
    (tmp_path / "node_modules").symlink_to(TOOLS)
    (tmp_path / "own.ts").write_text(OWN)
    np.save(tmp_path / "image.npy", IMAGE)
    exported = torch.export.export(classifier(), (torch.zeros(DARK.shape),))
    torch.export.save(exported, tmp_path / "classifier.pt2")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(here: Path, command: str) -> None:
    result = CliRunner().invoke(main, command.split()[1:])
    assert result.exit_code == 0, result.output
    if command.startswith("pyjsml bundle"):
        types = (here / "classifier" / "executor" / "own.d.ts").read_text()
        assert "count: number" in types
        assert "/** Counts the ops of all runs. */" in types


@pytest.mark.parametrize("code", PYTHON)
def test_python(here: Path, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    assert "(1, 10)" in said
