"""Operators whose loops carry state, as what each element of their result reads.

WebAssembly takes the elements that come in one after the other: a scatter writes each where it
belongs, a running sum adds each to the one before. A device that computes all elements of a result
at once can do neither: there each element looks for what concerns it. The functions of such
operators have an attribute that says what they compute, from which that form is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tvm import te, tirx

from pyjsml.kernels.scan_gathered import scan
from pyjsml.kernels.scatter_gathered import scatter_elements, scatter_nd

ATTRIBUTE = "pyjsml.gathered"

DEFINITIONS: Mapping[str, Callable[..., te.Tensor]] = MappingProxyType(
    {"scan": scan, "scatter_elements": scatter_elements, "scatter_nd": scatter_nd}
)
"""By name: of all inputs, and of the keywords that the attribute has."""


def form(name: str, **keywords: int | str) -> dict[str, Any]:
    """Return the attribute of a function that computes what the definition `name` does."""
    return {ATTRIBUTE: {"name": name, **keywords}}


def gathered(func: tirx.PrimFunc) -> tirx.PrimFunc | None:
    """Return `func` in the form in which each element reads what concerns it, if it has one.

    The params are the same, and so are the dims.
    """
    known = func.attrs.get(ATTRIBUTE) if func.attrs is not None else None
    if known is None:
        return None
    keywords = {str(key): _plain(value) for key, value in known.items()}
    define = DEFINITIONS[str(keywords.pop("name"))]
    inputs = [
        te.placeholder(list(buffer.shape), str(buffer.ty.dtype), name=buffer.name)
        for buffer in func.params[:-1]
    ]
    return te.create_prim_func([*inputs, define(*inputs, **keywords)])


def _plain(value: Any) -> int | str:
    return value if isinstance(value, str) else int(value)
