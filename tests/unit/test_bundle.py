"""Bundles are read whole and unchanged or not at all, and never written over anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyjsml.bundle import FORMAT_VERSION, Bundle, check_output_directory
from pyjsml.errors import BundleError, DigestError, FormatVersionError, OutputDirectoryError
from pyjsml.files import integrity


def bundle_of(contents: dict[str, bytes], **changes: Any) -> Bundle:
    manifest = {
        "format": {"name": "pyjsml", "version": FORMAT_VERSION},
        "generator": "pyjsml 9.9",
        "files": {
            path: {"bytes": len(data), "integrity": integrity(data)}
            for path, data in contents.items()
        },
        "model": {"name": "m"},
        **changes,
    }
    return Bundle({**contents, "manifest.json": json.dumps(manifest).encode()})


@pytest.fixture
def bundle() -> Bundle:
    return bundle_of({"index.js": b"1", "runtime/index.js": b"2", "z": b"", "a": b"3"})


@pytest.fixture
def written(bundle: Bundle, tmp_path: Path) -> Path:
    bundle.write(tmp_path / "out")
    return tmp_path / "out"


def test_round_trip_keeps_files_and_their_order(bundle: Bundle, written: Path) -> None:
    opened = Bundle.open(written)
    assert list(opened.files.items()) == list(bundle.files.items())
    assert opened == bundle
    assert opened.model == {"name": "m"}


def test_a_bundle_is_shown_in_a_line(bundle: Bundle) -> None:
    size = len(bundle.files["manifest.json"]) + 3
    assert repr(bundle) == f"<Bundle of 5 files, {size} bytes>"


def test_a_bundle_is_immutable(bundle: Bundle) -> None:
    with pytest.raises(TypeError):
        bundle.files["x"] = b""  # type: ignore[index]


def test_lists_every_damaged_file_and_says_what_to_do(written: Path) -> None:
    (written / "index.js").write_bytes(b"changed")
    (written / "z").unlink()
    (written / "new.js").write_bytes(b"")
    with pytest.raises(DigestError) as caught:
        Bundle.open(written)
    message = str(caught.value)
    assert "bundle the model again" in message
    for problem in ("index.js is not", "z is missing", "new.js is not of the bundle"):
        assert problem in message
    assert "runtime/index.js" not in message


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda root: (root / "a").unlink(), "a is missing"),
        (lambda root: (root / "b").write_bytes(b""), "b is not of the bundle"),
        (lambda root: (root / "manifest.json").unlink(), "it has no manifest.json"),
        (lambda root: (root / "manifest.json").write_bytes(b"{"), "is not JSON"),
        (lambda root: (root / "manifest.json").write_bytes(b"\xff"), "is not JSON"),
        (lambda root: (root / "manifest.json").write_bytes(b"[]"), "is not the manifest"),
        (lambda root: (root / "manifest.json").write_bytes(b"{}"), "is not the manifest"),
    ],
)
def test_refuses_a_damaged_bundle(
    written: Path, damage: Callable[[Path], object], complaint: str
) -> None:
    damage(written)
    with pytest.raises(BundleError, match=complaint):
        Bundle.open(written)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", "..\\secret"])
def test_refuses_a_manifest_that_reaches_outside(tmp_path: Path, path: str) -> None:
    manifest = bundle_of({path: b""}).files["manifest.json"]
    Bundle({"manifest.json": manifest}).write(tmp_path / "out")
    with pytest.raises(BundleError, match="outside the bundle"):
        Bundle.open(tmp_path / "out")


@pytest.mark.parametrize("changes", [{"files": {"a": {}}}, {"files": {"a": 3}}, {"model": None}])
def test_refuses_an_incomplete_manifest(tmp_path: Path, changes: dict[str, Any]) -> None:
    bundle_of({"a": b""}, **changes).write(tmp_path / "out")
    with pytest.raises(BundleError, match="bundle the model again"):
        Bundle.open(tmp_path / "out")


def test_refuses_what_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in ("file", "nothing"):
        with pytest.raises(BundleError, match=path):
            Bundle.open(tmp_path / path)


def test_refuses_another_format_version(tmp_path: Path) -> None:
    bundle_of({}, format={"name": "pyjsml", "version": 99}).write(tmp_path / "out")
    with pytest.raises(FormatVersionError, match=r"version 99.*pyjsml 9\.9"):
        Bundle.open(tmp_path / "out")


def test_replaces_a_bundle_of_any_version_and_an_empty_directory(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    bundle_of({}, format={"name": "pyjsml", "version": 99}).write(tmp_path / "other")
    for name in ("empty", "other", "nothing"):
        bundle.write(tmp_path / name)
        assert Bundle.open(tmp_path / name) == bundle


def test_never_writes_over_anything_else(bundle: Bundle, tmp_path: Path) -> None:
    folder, file, mixed = (tmp_path / name for name in ("folder", "file", "mixed"))
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    file.write_text("years of work")
    bundle.write(mixed)
    (mixed / "notes").mkdir()
    (mixed / "notes" / "thesis.txt").write_text("years of work")
    before = sorted(tmp_path.rglob("*"))
    for target, complaint in ((folder, "thesis.txt"), (file, "directory"), (mixed, "notes/thesis")):
        with pytest.raises(OutputDirectoryError, match=complaint):
            bundle.write(target)
        with pytest.raises(OutputDirectoryError, match=complaint):
            check_output_directory(target)
    assert sorted(tmp_path.rglob("*")) == before


def test_says_that_a_place_can_not_be_written(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputDirectoryError, match="can't be written"):
        bundle.write(tmp_path / "file" / "out")


def test_says_before_it_compiles_that_a_place_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputDirectoryError, match="file is no directory; choose another"):
        check_output_directory(tmp_path / "file" / "a" / "out")
    check_output_directory(tmp_path / "a" / "b" / "out")
