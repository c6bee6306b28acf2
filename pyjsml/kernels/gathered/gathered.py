"""Operators whose loops carry state, as what each element of their result reads.

WebAssembly takes the elements that come in one after the other: a scatter writes each where it
belongs, a running sum adds each to the one before. A device that computes all elements of a result
at once can do neither: there each element looks for what concerns it. The functions of such
operators have an attribute that says what they compute, from which that form is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

from tvm import te, tirx

from pyjsml.kernels.gathered.scan import scan
from pyjsml.kernels.gathered.scatter import scatter_elements, scatter_nd
from pyjsml.kernels.recurrent.layer import GATES, Cell, Layer

ATTRIBUTE = "pyjsml.gathered"

DEFINITIONS: Mapping[str, Callable[..., te.Tensor]] = MappingProxyType(
    {"scan": scan, "scatter_elements": scatter_elements, "scatter_nd": scatter_nd}
)
"""By name: of all inputs, and of the keywords that the attribute has."""


RECURRENT = "recurrent"
"""The name of what has no such form as a whole: each step of a recurrent layer has one."""


def form(name: str, **keywords: int | str) -> dict[str, Any]:
    """Return the attribute of a function that computes what the definition `name` does."""
    return {ATTRIBUTE: {"name": name, **keywords}}


def gathered(func: tirx.PrimFunc) -> tirx.PrimFunc | None:
    """Return `func` in the form in which each element reads what concerns it, if it has one.

    The params are the same, and so are the dims.
    """
    name, keywords = _read(func)
    if name not in DEFINITIONS:
        return None
    inputs = [
        te.placeholder(list(buffer.shape), str(buffer.ty.dtype), name=buffer.name)
        for buffer in func.params[:-1]
    ]
    return te.create_prim_func([*inputs, DEFINITIONS[name](*inputs, **keywords)])


def layer_of(func: tirx.PrimFunc) -> Layer | None:
    """Return the recurrent layer whose steps `func` runs, if it is one.

    Its weights are in the order of the kernel.
    """
    name, keywords = _read(func)
    if name != RECURRENT:
        return None
    cell = cast("Cell", keywords["cell"])
    return Layer(
        cell,
        int(keywords["units"]),
        tuple(range(GATES[cell])),
        bool(keywords["batch_first"]),
        bool(keywords["backwards"]),
    )


def recurrent_form(layer: Layer) -> dict[str, Any]:
    """Return the attribute of a function that runs the steps of `layer`."""
    return form(
        RECURRENT,
        cell=layer.cell,
        units=layer.units,
        batch_first=int(layer.batch_first),
        backwards=int(layer.backwards),
    )


def _read(func: tirx.PrimFunc) -> tuple[str, dict[str, Any]]:
    known = func.attrs.get(ATTRIBUTE) if func.attrs is not None else None
    keywords = {str(key): _plain(value) for key, value in (known or {}).items()}
    return str(keywords.pop("name", "")), keywords


def _plain(value: Any) -> int | str:
    return value if isinstance(value, str) else int(value)
