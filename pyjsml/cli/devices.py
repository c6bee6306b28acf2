"""Which device each op of a bundle runs on where all are asked for, and what is copied between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Homes:
    """The devices of the main steps' ops, and the names of the values that are copied."""

    ops: tuple[str, ...]
    copied: tuple[str, ...]


def homes(model: Mapping[str, Any]) -> Homes | None:
    """Place each op on WebGL2 if it has a shader; None for a model without any.

    A view stays where its input is. Inputs and weights come from wasm, and outputs go back there.
    """
    calls = [model["ops"][target] for kind, target in model["main"] if kind == "call"]
    if not any("shader" in op for op in calls):
        return None
    at: dict[int, str] = {}
    placed: list[str] = []
    copied: dict[tuple[int, str], None] = {}
    for op in calls:
        view = "kernel" not in op
        first = at.get(op["inputs"][0], "wasm") if op["inputs"] else "wasm"
        home = first if view else "webgl2" if "shader" in op else "wasm"
        placed.append(home)
        copied.update(
            {(value, home): None for value in op["inputs"] if at.get(value, "wasm") != home}
        )
        at.update(dict.fromkeys(op["outputs"], home))
    results = [port["value"] for port in model["outputs"]]
    copied.update({(value, "wasm"): None for value in results if at.get(value) == "webgl2"})
    return Homes(tuple(placed), tuple(model["values"][value]["name"] for value, _ in copied))
