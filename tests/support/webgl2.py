"""A site with the scenarios of `tests/browser/webgl2`, which try the WebGL2 device in a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pyjsml.emit import emit
from tests.support.tiny import tiny_program, with_kernels

SCENARIOS = Path(__file__).parents[1] / "browser" / "webgl2"

Play = Callable[..., Any]
"""Run a function of scenarios.js in the page, with one argument."""

AFFINE = [{"dtype": "float32", "code": "2.0 * v + 1.0"}]
"""One step of the scenarios' models."""


def floats(length: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return what the scenarios run on where they are given no data."""
    return np.arange(length) / 8 - 3


def scenario_pages() -> dict[str, bytes]:
    """Return the pages of the site."""
    bundle = emit(with_kernels(tiny_program()))
    return {
        "/": b"<!doctype html><title>webgl2</title>",
        "/favicon.ico": b"",
        **{f"/{file.name}": file.read_bytes() for file in SCENARIOS.iterdir()},
        **{f"/bundle/{path}": data for path, data in bundle.files.items()},
    }
