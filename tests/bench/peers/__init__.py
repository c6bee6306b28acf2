"""The peers as contenders: for each, the pages that it fetches for a row, and what it is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from pyjsml.bench.ort import ort_contender, ort_pages
from pyjsml.bench.page import Contender, feed_page
from tests.bench.cache import ROOT, cached, digest
from tests.bench.graphs import graph_pages
from tests.bench.rows import LeftOutError, Row

HERE = Path(__file__).parent
PACKAGES = ROOT / "node_modules"

Pages = dict[str, bytes]
Peer = Callable[[Row, int], tuple[Pages, Contender]]
"""Raises LeftOutError."""


def onnxruntime_web(row: Row, threads: int) -> tuple[Pages, Contender]:
    """Return ONNX Runtime Web on the row's ONNX file."""
    return ort_pages(row.onnx().read_bytes(), ROOT), ort_contender(threads)


def litert(row: Row, threads: int) -> tuple[Pages, Contender]:
    """Return LiteRT.js on the .tflite file."""
    package = PACKAGES / "@litertjs" / "core" / "wasm"
    pages = {f"/litert/{file.name}": file.read_bytes() for file in package.iterdir()}
    pages["/litert.js"] = _module("litert")
    pages["/model.tflite"] = row.tflite().read_bytes()
    pages["/litert-inputs"] = feed_page(row.channels_last_inputs())
    config = {
        "folder": "/litert/",
        "model": "/model.tflite",
        "threads": threads,
        "inputs": list(row.model.inputs),
    }
    return pages, Contender("litert", "/litert.js", config, "/litert-inputs")


def tfjs(row: Row, threads: int) -> tuple[Pages, Contender]:
    """Return TF.js, which walks the ONNX graph operator by operator."""
    if row.model.quantize is not None:
        raise LeftOutError("not available: TF.js has no int8 kernels")
    if row.name == "lstm":
        raise LeftOutError("not available: TF.js has no LSTM in its wasm back end")
    package = PACKAGES / "@tensorflow" / "tfjs-backend-wasm" / "dist"
    pages = {f"/tfjs/{file.name}": file.read_bytes() for file in package.glob("*.wasm")}
    pages |= graph_pages(row.onnx(), "/tfjs-model")
    pages["/tfjs.js"] = _module("tfjs")
    config = {
        "folder": "/tfjs/",
        "graph": "/tfjs-model/graph.json",
        "constants": "/tfjs-model/constants",
        "threads": threads,
    }
    return pages, Contender("tfjs", "/tfjs.js", config)


def onnxruntime_webgl(row: Row, threads: int) -> tuple[Pages, Contender]:
    """Return ONNX Runtime Web on its WebGL back end, which knows no operators of newer opsets."""
    return ort_pages(row.old_onnx().read_bytes(), ROOT), ort_contender(threads, provider="webgl")


def tfjs_webgl(row: Row, threads: int) -> tuple[Pages, Contender]:
    """Return TF.js on its WebGL back end, walking the ONNX graph operator by operator."""
    pages = graph_pages(row.onnx(), "/tfjs-model")
    pages["/tfjs-webgl.js"] = _module("tfjs-webgl")
    config = {"graph": "/tfjs-model/graph.json", "constants": "/tfjs-model/constants"}
    return pages, Contender("tfjs", "/tfjs-webgl.js", config)


WEBGL_PEERS: dict[str, Peer] = {"onnxruntime-web": onnxruntime_webgl, "tfjs": tfjs_webgl}
"""Those with a back end for WebGL."""
PEERS: dict[str, Peer] = {"onnxruntime-web": onnxruntime_web, "litert": litert, "tfjs": tfjs}


def _module(name: str) -> bytes:
    """Return an adapter with the npm packages that it imports, in one minified module."""

    def make(path: Path) -> None:
        source = HERE / f"{name}.js"
        command = [str(PACKAGES / ".bin" / "esbuild"), "--bundle", "--minify", "--format=esm"]
        subprocess.run(
            [*command, str(source), f"--outfile={path}", "--log-level=error"], check=True
        )

    key = digest(("tests/bench/peers/*.js", "package-lock.json"), name.encode())
    return cached("peer", name, key, make, ".js").read_bytes()
