"""The manifest of a bundle: what Python and people read of it, and the digests of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pyjsml.bundle import FORMAT_NAME, FORMAT_VERSION
from pyjsml.emit.data import ModelJson
from pyjsml.emit.limits import memory_limits
from pyjsml.emit.views import FileView, LoadedFile, LoadedFiles
from pyjsml.program import Program


def manifest(
    program: Program,
    data: ModelJson,
    loaded: LoadedFiles,
    files: Iterable[FileView],
    *,
    name: str,
    version: str,
    generator: str,
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what `manifest.json` holds; `files` are all the others of the bundle."""
    graph = program.graph
    return {
        "format": {"name": FORMAT_NAME, "version": FORMAT_VERSION},
        "name": name,
        "version": version,
        "generator": generator,
        "files": {file.path: {"bytes": file.bytes, "integrity": file.integrity} for file in files},
        "limits": {"memory": memory_limits(program)},
        "provenance": {**provenance, "ops": dict(Counter(op.kind for op in graph.main.ops))},
        **_unshaded(program),
        "model": _model(data, loaded),
    }


def _unshaded(program: Program) -> dict[str, Any]:
    """Say of each op without a shader why, in a bundle that has shaders."""
    reasons = {
        op.name: program.unshaded[op.kernel]
        for op in program.graph.main.ops
        if op.kernel in program.unshaded
    }
    return {"unshaded": reasons} if "webgl2" in program.devices else {}


def _model(data: ModelJson, loaded: LoadedFiles) -> dict[str, Any]:
    """Write `ModelData` as index.script.js does, with URLs relative to the bundle."""
    fields = asdict(data)
    return {
        "formatVersion": fields.pop("format_version"),
        **fields,
        "files": {
            "simd128": _file(loaded.simd128),
            "relaxed": _file(loaded.relaxed),
            "weights": [_file(file) for file in loaded.weights],
        },
    }


def _file(file: LoadedFile) -> dict[str, Any]:
    return {
        "url": file.path,
        "bytes": file.bytes,
        "integrity": file.integrity,
        "digest": file.digest,
    }
