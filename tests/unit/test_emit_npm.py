"""Names and versions are npm's; identifiers are JavaScript's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyjsml.emit.identifiers import RESERVED, Identifiers
from pyjsml.emit.npm import check_package, default_package_name
from pyjsml.errors import OptionError


@pytest.mark.parametrize(
    ("model", "package"),
    [
        ("mobilenet_v2_fp32", "mobilenet-v2-fp32"),
        ("Mobile Net V2.1", "mobile-net-v2-1"),
        ("__naïve__", "naive"),
        ("模型", "model"),
        ("", "model"),
        ("http", "http-model"),
        ("node_modules", "node-modules"),
    ],
)
def test_default_name(model: str, package: str) -> None:
    assert default_package_name(model) == package


@given(st.text(max_size=300))
def test_every_default_name_is_accepted(model: str) -> None:
    check_package(default_package_name(model), "1.0.0")


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "@scope/a", "@s.c/a", "x" * 214])
def test_accepts(name: str) -> None:
    check_package(name, "1.0.0")


@pytest.mark.parametrize(
    "name",
    [
        *("", " a", "a b", "A", ".a", "_a", "é", "a/b", "@a", "@/a", "@a/", "@a/b/c", "a\n"),
        *("a~", "a!", "fs", "node_modules", "../a", "x" * 215),
    ],
)
def test_refuses(name: str) -> None:
    with pytest.raises(OptionError, match="npm package"):
        check_package(name, "1.0.0")


@pytest.mark.parametrize("version", ["0.0.0", "1.2.3", "1.0.0-rc.1", "1.0.0+b.01", "1.0.0-0a.b"])
def test_accepts_version(version: str) -> None:
    check_package("a", version)


@pytest.mark.parametrize(
    "version", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0 ", "١.0.0"]
)
def test_refuses_version(version: str) -> None:
    with pytest.raises(OptionError, match="semantic version"):
        check_package("a", version)


def test_identifiers_keep_a_name_that_is_free() -> None:
    identifiers = Identifiers(taken=("model",))
    asked = ["logits", "logits", "model", "class", "input.1", "input-1", "0", "", "π"]
    given = [identifiers.allocate(name) for name in asked]
    assert given[0] == "logits"
    assert len(set(given)) == len(given)
    assert not {"model", *RESERVED} & set(given)
    assert all(re.fullmatch(r"[A-Za-z_]\w*", name, flags=re.ASCII) for name in given)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_no_reserved_word_is_forgotten(tmp_path: Path) -> None:
    """Every word that a module can't bind, of those that a grammar of JavaScript mentions."""
    words = sorted(
        RESERVED | {"async", "of", "get", "set", "from", "as", "target", "meta", "using"}
    )
    probe = tmp_path / "probe.mjs"
    probe.write_text(
        "import vm from 'node:vm'; console.log(JSON.stringify("
        f"{json.dumps(words)}.filter((word) => {{ try {{ new vm.SourceTextModule("
        "`const ${word} = 0;`); return false; } catch { return true; } })));"
    )
    command = ["node", "--no-warnings", "--experimental-vm-modules", str(probe)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) <= RESERVED
