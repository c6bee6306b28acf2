"""A bundle: the npm package that pyjsml writes, as an ordered mapping from path to bytes.

`manifest.json` says which files a bundle holds and digests each of them, so that a bundle is read
whole and unchanged or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from pyjsml.errors import BundleError, DigestError, FormatVersionError, OutputDirectoryError
from pyjsml.files import integrity, obstacle, walk, write_directory

FORMAT_NAME = "pyjsml"
FORMAT_VERSION = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle in their order: relative POSIX path -> bytes."""

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    def __repr__(self) -> str:
        """Return a line; the bytes of a model would fill a notebook."""
        return f"<Bundle of {len(self.files)} files, {sum(map(len, self.files.values())):,} bytes>"

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Bundle:
        """Read the bundle in `directory` and check every file against its digest.

        Raises BundleError where there is no bundle, or files are missing or unknown to the
        manifest, FormatVersionError where its format is not this version's, and DigestError where
        bytes were changed. The message lists every problem.
        """
        root = Path(directory)
        manifest = _read_manifest(root)
        listed: dict[str, dict[str, Any]] = manifest["files"]
        try:
            present = set(walk(root)) - {MANIFEST}
            files = {path: (root / path).read_bytes() for path in listed if path in present}
            files[MANIFEST] = (root / MANIFEST).read_bytes()
        except OSError as error:
            raise BundleError(f"{error.filename} can't be read: {error.strerror}") from error
        changed = [
            f"{path} is not the file that was bundled (its digest differs)"
            for path in listed
            if path in present and integrity(files[path]) != listed[path]["integrity"]
        ]
        missing = [f"{path} is missing" for path in listed if path not in present]
        unknown = [f"{path} is not of the bundle" for path in sorted(present - listed.keys())]
        if problems := [*changed, *missing, *unknown]:
            kind = DigestError if changed else BundleError
            advice = "bundle the model again, or take the directory from where it was published"
            raise kind("\n  - ".join((f"{root} is damaged; {advice}", *problems)))
        return cls(files)

    def write(self, directory: str | os.PathLike[str]) -> None:
        """Write the bundle as `directory`, all at once, in place of an earlier bundle.

        Raises OutputDirectoryError where `directory` holds anything but a bundle, or can't be
        written.
        """
        check_output_directory(directory)
        target = Path(directory)
        try:
            write_directory(target, self.files)
        except OSError as error:
            raise OutputDirectoryError(
                f"{target} can't be written: {error.strerror or error}; choose another directory"
            ) from error

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Return what `manifest.json` holds."""
        manifest: dict[str, Any] = json.loads(self.files[MANIFEST])
        return manifest

    @property
    def model(self) -> dict[str, Any]:
        """Return the model's data: `ModelData` of the runtime, with URLs relative to the bundle."""
        model: dict[str, Any] = self.manifest["model"]
        return model


def check_output_directory(directory: str | os.PathLike[str]) -> None:
    """Raise OutputDirectoryError unless a bundle may be written as `directory`.

    It may if nothing is there, or an empty directory, or a bundle of any version with no file but
    its own: replacing a directory must never cost its owner anything.
    """
    target = Path(directory)
    if reason := obstacle(target):
        raise OutputDirectoryError(f"{target} can't be written: {reason}; choose another directory")
    if not os.path.lexists(target):
        return
    advice = "choose another directory, or empty this one"
    if not target.is_dir():
        raise OutputDirectoryError(f"{target} is not a directory; {advice}")
    try:
        present = set(walk(target))
    except OSError as error:
        raise OutputDirectoryError(f"{target} can't be read: {error.strerror}; {advice}") from error
    if not present:
        return
    try:
        listed = _parse_manifest(target)["files"].keys()
    except BundleError as error:
        raise OutputDirectoryError(
            f"{target} holds something that is not a bundle ({_some(present)}); {advice}"
        ) from error
    if foreign := present - listed - {MANIFEST}:
        raise OutputDirectoryError(
            f"{target} holds a bundle and other files ({_some(foreign)}), which would be lost; "
            f"{advice}"
        )


def _read_manifest(root: Path) -> dict[str, Any]:
    """Parse the manifest of the bundle in `root`, and check that this pyjsml reads its format."""
    manifest = _parse_manifest(root)
    version = manifest["format"].get("version")
    if version != FORMAT_VERSION:
        raise FormatVersionError(
            f"{root} is a bundle of format version {version}; this pyjsml reads version "
            f"{FORMAT_VERSION}: bundle the model again, or install the pyjsml that wrote it "
            f"({manifest.get('generator', 'unknown')})"
        )
    if not isinstance(manifest.get("model"), dict):
        raise BundleError(f"{root / MANIFEST} describes no model; bundle the model again")
    for path, entry in manifest["files"].items():
        if not isinstance(entry, dict) or not isinstance(entry.get("integrity"), str):
            raise BundleError(f"{root / MANIFEST} has no digest of {path}; bundle the model again")
    return manifest


def _parse_manifest(root: Path) -> dict[str, Any]:
    """Parse the manifest in `root`, of whatever version, as far as its list of files."""
    path = root / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BundleError(
            f"{root} is not a bundle (it has no {MANIFEST}); "
            "give the directory that `pyjsml bundle -o` wrote"
        ) from None
    except OSError as error:
        raise BundleError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} is not JSON ({error}); bundle the model again") from error
    if (
        not isinstance(manifest, dict)
        or not isinstance(manifest.get("format"), dict)
        or manifest["format"].get("name") != FORMAT_NAME
        or not isinstance(manifest.get("files"), dict)
    ):
        raise BundleError(
            f"{path} is not the manifest of a bundle; "
            "give the directory that `pyjsml bundle -o` wrote"
        )
    for name in manifest["files"]:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise BundleError(f"{path} names {name}, which is outside the bundle; do not use it")
    return manifest


def _some(paths: set[str]) -> str:
    """Name a few of `paths`."""
    first = ", ".join(sorted(paths)[:3])
    return f"{first}, …" if len(paths) > 3 else first
