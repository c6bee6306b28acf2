"""Shaders alone, in Chromium: run by a page that has nothing of pyjsml's runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from pyjsml.codegen.webgl2.passes import make_shader
from pyjsml.dims import Expr, evaluate
from pyjsml.engines.chromium import system_browser
from pyjsml.engines.site import Site
from pyjsml.program import Shader

Array = NDArray[Any]
WEB = Path(__file__).parent / "web"


class ShaderMachine:
    """A page that runs the passes of functions. To be closed."""

    def __init__(self) -> None:
        from playwright.sync_api import sync_playwright

        with ExitStack() as stack:
            script = (WEB / "passes.js").read_bytes()
            site = stack.enter_context(Site({"/": b"<!doctype html>", "/passes.js": script}))
            driver = stack.enter_context(sync_playwright())
            browser = driver.chromium.launch(executable_path=system_browser())
            stack.callback(browser.close)
            self._page = browser.new_page()
            self._page.goto(site.url)
            self._page.evaluate(
                "async () => { const { Passes } = await import('/passes.js');"
                " globalThis.passes = new Passes(); }"
            )
            self._stack = stack.pop_all()

    def run(
        self,
        function: tirx.PrimFunc,
        inputs: Sequence[Array],
        dims: Sequence[int],
        results: Sequence[Array],
    ) -> list[Array]:
        """Return the outputs of `function`, which have the shapes and dtypes of `results`."""
        shader = make_shader(function, 0)
        binding = {f"n{number}": size for number, size in enumerate(dims)}
        tensors = [
            *[{**_tensor(each), "data": each.ravel().tolist()} for each in inputs],
            *map(_tensor, results),
            *_temps(shader, binding),
        ]
        wanted = range(len(inputs), len(inputs) + len(results))
        job = {"passes": _passes(shader, binding), "tensors": tensors, "wanted": list(wanted)}
        texts = self._page.evaluate("job => passes.run(job)", job)
        return [
            np.array([float(text) for text in each]).astype(like.dtype).reshape(like.shape)
            for each, like in zip(texts, results, strict=True)
        ]

    def close(self) -> None:
        """Close the browser."""
        self._stack.close()


def _tensor(array: Array) -> dict[str, Any]:
    return {"dtype": "float32" if array.dtype.kind == "f" else "int32", "size": array.size}


def _temps(shader: Shader, binding: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"dtype": temp.dtype, "size": evaluate(temp.size, binding), "layers": temp.layers}
        for temp in shader.temps
    ]


def _passes(shader: Shader, binding: Mapping[str, int]) -> list[dict[str, Any]]:
    def sizes(exprs: Sequence[Expr]) -> list[int]:
        return [evaluate(expr, binding) for expr in exprs]

    return [
        {
            "fragment": each.fragment,
            "inputs": list(each.inputs),
            "outputs": list(each.outputs),
            "dims": sizes(each.dims),
            "texels": evaluate(each.texels, binding),
        }
        for each in shader.passes
    ]
