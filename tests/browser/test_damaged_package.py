"""A package that is damaged or of another version says which file it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pyjsml.bundle import Bundle
from tests.support.pages import logged_in_chromium, needs_chromium, served, write_page
from tests.support.projects import call, needs_npm

pytestmark = needs_npm


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def another_format(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"formatVersion": 2', '"formatVersion": 99'), encoding="utf-8")


DAMAGES = [
    ("weights.safetensors", flip_last_byte, "DigestError", "weights.safetensors"),
    ("model.*.wasm", flip_last_byte, "DigestError", ".wasm"),
    ("weights.safetensors", Path.unlink, "LoadError", "weights.safetensors"),
    ("index.js", another_format, "FormatVersionError", "99"),
]


@pytest.mark.parametrize("host", ["node", pytest.param("chromium", marks=needs_chromium)])
@pytest.mark.parametrize(("files", "damage", "error", "says"), DAMAGES)
def test_a_damaged_package_says_which_file_it_is(
    digits: Bundle,
    tmp_path: Path,
    host: str,
    files: str,
    damage: Callable[[Path], None],
    error: str,
    says: str,
) -> None:
    digits.write(tmp_path / "bundle")
    for path in (tmp_path / "bundle").glob(files):
        damage(path)
    script = """
import { createExecutor } from "./bundle/index.js";

const told = await createExecutor().then(() => [], ({ name, message }) => [name, message]);
console.log(JSON.stringify(told));
"""
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    if host == "node":
        told = json.loads(call("node", "page.js", cwd=tmp_path))
    else:
        write_page(tmp_path, "page.js")
        with served(tmp_path) as address:
            told = logged_in_chromium(address)
    assert told[0] == error
    assert says in told[1]
