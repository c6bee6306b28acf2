"""Shaders of earlier builds, kept under keys that say what they were made of, and by what code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tvm import tirx

import pyjsml
from pyjsml.cache import ObjectCache
from pyjsml.codegen.keys import content_key
from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.dims import from_json, to_json
from pyjsml.files import walk
from pyjsml.program import Pass, Shader, Temp
from pyjsml.resources import resource_directory

FOLDERS = ("codegen/webgl2", "kernels")
"""The folders of this package on whose code a shader's text depends, beside the templates."""

Make = Callable[[tirx.PrimFunc, int], Shader]


def kept(make: Make, cache: ObjectCache) -> Make:
    """Return `make` with a memory: what it once made, or refused, of a like function it knows."""
    code = _code()

    def remembered(func: tirx.PrimFunc, workspaces: int) -> Shader:
        key = content_key(func, func.script(), f"webgl2 {code} {workspaces}")
        known = cache.get(key)
        if known is None:
            try:
                found = _to_json(make(func, workspaces))
            except NoShaderError as reason:
                found = {"refused": str(reason)}
            cache.put(key, json.dumps(found).encode())
        else:
            found = json.loads(known)
        if "refused" in found:
            raise NoShaderError(found["refused"])
        return _from_json(found)

    return remembered


def _code() -> str:
    """Return a digest of the code that makes shaders."""
    digest = hashlib.sha256()
    package = Path(pyjsml.__file__).parent
    folders = [*[package / folder for folder in FOLDERS], resource_directory("templates")]
    for folder in folders:
        for path in walk(folder):
            if path.endswith((".py", ".jinja")):
                digest.update(path.encode() + (folder / path).read_bytes())
    return digest.hexdigest()


def _to_json(shader: Shader) -> dict[str, Any]:
    passes = [
        [each.fragment, each.inputs, each.outputs, _exprs(each.dims), to_json(each.texels)]
        for each in shader.passes
    ]
    temps = [[temp.dtype, to_json(temp.size), temp.layers] for temp in shader.temps]
    return {"passes": passes, "temps": temps}


def _exprs(exprs: Sequence[Any]) -> list[Any]:
    return [to_json(expr) for expr in exprs]


def _from_json(found: dict[str, Any]) -> Shader:
    return Shader(
        tuple(
            Pass(fragment, tuple(ins), tuple(outs), tuple(map(from_json, dims)), from_json(texels))
            for fragment, ins, outs, dims, texels in found["passes"]
        ),
        tuple(Temp(dtype, from_json(size), layers) for dtype, size, layers in found["temps"]),
    )
