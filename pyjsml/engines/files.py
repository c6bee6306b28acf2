"""The files of a bundle, as engines want them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pyjsml.errors import BundleError, DigestError
from pyjsml.files import integrity

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.modules import Modules

RUNTIME_SCRIPT = "runtime/pyjsml.script.js"
MODEL_SCRIPT = "index.script.js"
MODEL_MODULE = "index.js"
CUSTOM_SCRIPT = "executor.script.js"
"""In a bundle with an executor of its own."""
CUSTOM_FOLDER = "custom"
"""Where in a copy of a bundle the modules of another executor lie."""


def script(bundle: Bundle, path: str) -> str:
    """Return the source of a script of `bundle`; raise as `checked` does."""
    return checked(bundle, path).decode("utf-8")


def runtime_module(bundle: Bundle) -> str:
    """Return the path of the runtime's ES module: what the package exports as `./runtime`.

    Raises BundleError where the runtime is an npm package outside of the bundle.
    """
    exports = json.loads(require(bundle, "package.json")).get("exports", {})
    if "./runtime" not in exports:
        raise BundleError(
            "the bundle depends on the npm package pyjsml for its runtime, so this engine can't "
            "run it as it is; bundle the model again, with the runtime inside"
        )
    path: str = exports["./runtime"]["default"].removeprefix("./")
    require(bundle, path)
    return path


def custom_files(modules: Modules, runtime: str) -> dict[str, bytes]:
    """Return the files of an executor, to lie beside those of a bundle whose runtime is `runtime`.

    The first of them has the default export.
    """
    linked = modules.link(f"../{runtime}")
    paths = (modules.entry, *(path for path in linked if path != modules.entry))
    return {f"{CUSTOM_FOLDER}/{path}": linked[path].encode() for path in paths}


def write_files(files: Mapping[str, bytes], directory: Path) -> None:
    """Write the files of a bundle into a directory that nobody else sees.

    Digests are for the runtime to check, which loads the files from there.
    """
    for path, data in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def model_files(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """Yield the wasm and weights files of `bundle`: name, bytes; raise as `checked` does."""
    for path in bundle.files:
        if path.endswith((".wasm", ".safetensors")):
            yield path.rpartition("/")[2], checked(bundle, path)


def checked(bundle: Bundle, path: str) -> bytes:
    """Return a file of `bundle` whose digest is as promised.

    The runtime checks digests only where it loads files itself, so embedded engines, which hand it
    the bytes, check them here. Raises BundleError where the file is missing, DigestError where its
    bytes are not those that the manifest promises.
    """
    data = require(bundle, path)
    if integrity(data) != bundle.manifest["files"].get(path, {}).get("integrity"):
        raise DigestError(
            f"{path} is not the file that was bundled (its digest differs); bundle the model "
            "again, or take the directory from where it was published"
        )
    return data


def require(bundle: Bundle, path: str) -> bytes:
    """Return a file of `bundle`; raise BundleError where it is missing."""
    if path not in bundle.files:
        raise BundleError(
            f"the bundle has no {path}, which this engine runs; bundle the model again"
        )
    return bundle.files[path]
