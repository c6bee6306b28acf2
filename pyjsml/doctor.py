"""What of pyjsml's surroundings is on this machine: engines, browsers, tools, Python packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from pyjsml.engines import ENGINES

Kind = Literal["engine", "package", "tool"]

PACKAGES = {
    "apache-tvm": "pip install 'apache-tvm==0.27.*'  (compiles the kernels)",
    "ziglang": "pip install ziglang  (links them to WebAssembly)",
    "torch": "pip install 'pyjsml[torch]'  (PyTorch models)",
    "onnx": "pip install 'pyjsml[onnx]'  (ONNX models)",
    "onnxruntime": "pip install 'pyjsml[check]'  (the reference for `pyjsml check` of ONNX models)",
    "scikit-learn": "pip install 'pyjsml[demo]'  (the digits of `pyjsml demo`)",
}
TOOLS = {
    "node": "https://nodejs.org/en/download, 20.16 or newer  (also runs bundles)",
    "npm": "comes with Node.js  (packs and installs bundles)",
}
XVFB = "Debian: apt install xvfb  (the display that Firefox's WebGL2 needs where there is none)"


@dataclass(frozen=True)
class Finding:
    """Something that was looked for; `detail` is its version or, if missing, how to get it."""

    kind: Kind
    name: str
    found: bool
    detail: str


def examine() -> Iterator[Finding]:
    """Yield a finding for each engine, Python package and tool that pyjsml can use."""
    for engine in ENGINES:
        problem = engine.available()
        yield Finding("engine", engine.name, problem is None, problem or "ready")
    yield Finding("package", "python", True, sys.version.split()[0])
    for name, how in PACKAGES.items():
        yield _package(name, how)
    for name, how in TOOLS.items():
        yield _tool(name, how)
    if sys.platform == "linux":
        path = shutil.which("Xvfb")
        yield Finding("tool", "Xvfb", path is not None, path or XVFB)


def _package(name: str, how: str) -> Finding:
    try:
        return Finding("package", name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding("package", name, False, how)


def _tool(name: str, how: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding("tool", name, False, how)
    try:
        asked = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("tool", name, False, f"{path} does not run: {error}")
    return Finding("tool", name, True, f"{asked.stdout.strip()}  ({path})")
