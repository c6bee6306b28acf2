"""Threads in a page, which a host must isolate first."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjsml.bundle import Bundle
from tests.support.pages import Isolating, logged_in_chromium, needs_chromium, served
from tests.support.projects import TOOLS, call, needs_npm

pytestmark = needs_npm

THREADS = """
import { createExecutor } from "digits";

const image = Float32Array.from({ length: 64 }, (_, i) => (i % 16) / 16);
const warnings = [];
const told = [];
try {
  for (const threads of [1, 2]) {
    const options = { threads, onWarning: (warning) => warnings.push(warning) };
    const executor = await createExecutor(options);
    const { probabilities } = await executor.run({ image });
    told.push([executor.describe().threads, Array.from(probabilities.data)]);
    executor.dispose();
  }
} catch (error) {
  warnings.push(String(error));
}
console.log(JSON.stringify([told, warnings]));
"""


@needs_chromium
@pytest.mark.parametrize("bundler", [True, False], ids=["vite", "no-bundler"])
def test_threads_in_chromium(digits: Bundle, tmp_path: Path, bundler: bool) -> None:
    package = tmp_path / "node_modules" / "digits"
    digits.write(package)
    source = THREADS if bundler else THREADS.replace('"digits"', '"./node_modules/digits/index.js"')
    (tmp_path / "page.js").write_text(source, encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    icon = '<link rel="icon" href="favicon.ico">'
    page = f'<!doctype html>{icon}<script type="module" src="./page.js"></script>'
    (tmp_path / "index.html").write_text(page)
    if bundler:
        vite = str(TOOLS / "vite" / "bin" / "vite.js")
        call("node", vite, "build", "--assetsInlineLimit", "4096", cwd=tmp_path)
    with served(tmp_path / "dist" if bundler else tmp_path, Isolating) as address:
        told, warnings = logged_in_chromium(address)
    assert warnings == []
    (one, expected), (two, actual) = told
    assert (one, two) == (1, 2)
    assert actual == expected
    # Elsewhere the model runs all the same, and says why it is alone.
    with served(tmp_path / "dist" if bundler else tmp_path) as address:
        told, warnings = logged_in_chromium(address)
    assert told == [[1, expected], [1, expected]]
    assert len(warnings) == 1
    assert "not cross-origin isolated" in warnings[0]
