"""ONNX Runtime Web as a contender: the npm package, found as Node would find it."""

from __future__ import annotations

from pathlib import Path

from pyjsml.bench.page import Contender
from pyjsml.errors import EngineUnavailableError

PACKAGE = "onnxruntime-web"
MODULES = {"wasm": "ort.wasm.bundle.min.mjs", "webgl": "ort.webgl.min.mjs"}
"""By back end."""
FILES = (*MODULES.values(), "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
FOLDER = "/onnxruntime-web/"


def ort_pages(model: bytes, start: Path, name: str = "/model.onnx") -> dict[str, bytes]:
    """Return the pages of the package found from `start` upwards, and of an ONNX file.

    Raises EngineUnavailableError where no folder on the way has it in its node_modules.
    """
    for folder in (start, *start.parents):
        found = folder / "node_modules" / PACKAGE / "dist"
        if found.is_dir():
            pages = {FOLDER + file: (found / file).read_bytes() for file in FILES}
            return {**pages, name: model}
    raise EngineUnavailableError(f"{PACKAGE} is not installed here: npm install {PACKAGE}")


def ort_contender(threads: int, name: str = "/model.onnx", provider: str = "wasm") -> Contender:
    """Return the contender that runs an ONNX file which `ort_pages` serves, on a back end."""
    config = {
        "module": FOLDER + MODULES[provider],
        "folder": FOLDER,
        "model": name,
        "threads": threads,
        "provider": provider,
    }
    return Contender(PACKAGE, "/bench/onnxruntime-web.js", config)
