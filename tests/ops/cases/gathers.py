"""Scatters and running sums, whose shaders compute them another way than WebAssembly does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from tvm import te, topi

from pyjsml.kernels.gathered.gathered import form
from pyjsml.kernels.ops import scatter
from tests.ops.cases.case import Array, Binding, Case, Spec, by_torch
from tests.ops.functions import Dims, Size, sizes

FOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "update": lambda old, new: new,
    "add": np.add,
    "mul": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}


def marked(define: Callable[..., te.Tensor], specs: Sequence[Spec], mark: dict[str, Any]) -> Any:
    """Return the function of `define` with the attribute that says how to gather instead."""
    dims = Dims()
    inputs = [te.placeholder(sizes(shape, dims), dtype) for shape, dtype in specs]
    return te.create_prim_func([*inputs, define(*inputs)]).with_attrs(mark)


def elements_case(
    name: str,
    data: Sequence[Size],
    indices: Sequence[Size],
    axis: int,
    reduction: str = "update",
    dtype: str = "float32",
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return a scatter along `axis`, which is at least 3 long; few indices are none's twin."""
    specs: list[Spec] = [(data, dtype), (indices, "int64"), (indices, dtype)]

    def expected(old: Array, places: Array, new: Array) -> Array:
        result = old.copy()
        for at in np.ndindex(places.shape):
            into = (*at[:axis], int(places[at]), *at[axis + 1 :])
            result[into] = FOLDS[reduction](result[into], new[at])
        return result

    return Case(
        f"scatter_elements_{name}",
        lambda: marked(
            lambda old, at, new: scatter.scatter_elements(old, at, new, axis, reduction),
            specs,
            form("scatter_elements", axis=axis, reduction=reduction),
        ),
        specs,
        expected,
        bindings,
        low=0,
        high=2,
    )


def nd_case(
    name: str,
    data: Sequence[Size],
    indices: Sequence[Size],
    reduction: str = "update",
    dtype: str = "float32",
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return a scatter to coordinates, of which each axis that has some is at least 3 long."""
    depth = int(indices[-1])
    specs: list[Spec] = [
        (data, dtype),
        (indices, "int64"),
        ((*indices[:-1], *data[depth:]), dtype),
    ]

    def expected(old: Array, places: Array, new: Array) -> Array:
        result = old.copy()
        for at in np.ndindex(places.shape[:-1]):
            into = tuple(places[at])
            result[into] = FOLDS[reduction](result[into], new[at])
        return result

    return Case(
        f"scatter_nd_{name}",
        lambda: marked(
            lambda old, at, new: scatter.scatter_nd(old, at, new, reduction),
            specs,
            form("scatter_nd", reduction=reduction),
        ),
        specs,
        expected,
        bindings,
        low=0,
        high=2,
    )


def scan_case(
    name: str,
    shape: Sequence[Size],
    axis: int,
    dtype: str = "float32",
    *,
    product: bool = False,
    exclusive: bool = False,
    bindings: Sequence[Binding] = ({},),
) -> Case:
    """Return running sums along `axis`, or products of numbers that are about 1."""
    function = topi.cumprod if product else topi.cumsum

    def total(x: torch.Tensor) -> torch.Tensor:
        found = x.cumprod(axis) if product else x.cumsum(axis)
        if exclusive:
            start = torch.full_like(x.narrow(axis, 0, min(1, x.shape[axis])), int(product))
            found = torch.cat([start, found.narrow(axis, 0, x.shape[axis] - 1)], axis)
        return found.to(x.dtype)

    marks = form("scan", axis=axis, product=int(product), exclusive=int(exclusive), dtype=dtype)
    return Case(
        f"scan_{name}",
        lambda: marked(lambda x: function(x, axis, dtype, exclusive), [(shape, dtype)], marks),
        [(shape, dtype)],
        by_torch(total),
        bindings,
        low=0.9 if product and dtype == "float32" else -2,
        high=1.1 if product and dtype == "float32" else 2,
    )


GATHERS: tuple[Case, ...] = (
    *[elements_case(name, (3, 4, 5), (3, 7, 5), 1, name) for name in FOLDS],
    *[elements_case(f"single_{name}", (3, 5), (1, 5), 0, name) for name in FOLDS],
    elements_case("last", (5, 3), (5, 9), 1),
    elements_case("fours", (3, 6, 8), (3, 5, 8), 1),
    elements_case("shorter", (4, 6, 5), (3, 2, 4), 1),
    elements_case("shorter_add", (3, 6, 8), (2, 3, 4), 0, "add"),
    elements_case("shorter_behind", (4, 6, 5, 7), (3, 2, 4, 6), 1),
    elements_case("one", (7,), (300,), 0),
    elements_case("int32_max", (4, 3), (9, 3), 0, "max", "int32"),
    elements_case("bool", (4, 3), (9, 3), 0, dtype="bool"),
    elements_case(
        "sizes", ("n", 5), ("m", 5), 0, "add", bindings=[{"n": 3, "m": 8}, {"n": 9, "m": 1}]
    ),
    elements_case("rows", (3, "n"), (2, "n"), 0, bindings=[{"n": 1}, {"n": 6}]),
    *[nd_case(name, (3, 4, 5), (6, 2), name) for name in FOLDS],
    *[nd_case(f"single_{name}", (3, 4, 4), (1, 1), name) for name in FOLDS],
    nd_case("rows", (6, 8), (4, 1)),
    nd_case("elements", (3, 4, 5), (2, 7, 3)),
    nd_case("elements_add", (3, 3, 3), (2, 7, 3), "add"),
    nd_case("int32_add", (5, 3), (9, 1), "add", "int32"),
    nd_case("sizes", (4, "n", 3), ("m", 1), bindings=[{"n": 3, "m": 1}, {"n": 5, "m": 6}]),
    scan_case("short", (3, 8), 1),
    scan_case("middle", (2, 9, 5), 1),
    scan_case("first", (31, 6), 0),
    scan_case("blocks", (3, 100), 1),
    scan_case("blocks_first", (65, 8), 0),
    scan_case("blocks_middle", (2, 33, 3), 1),
    scan_case("long", (2, 40000), 1, "int32"),
    scan_case("exclusive", (3, 11), 1, exclusive=True),
    scan_case("exclusive_blocks", (70, 3), 0, exclusive=True),
    scan_case("int32", (3, 77), 1, "int32"),
    scan_case("products", (3, 9), 1, product=True),
    scan_case("products_blocks", (3, 64), 1, product=True),
    scan_case("products_int32", (4, 6), 1, "int32", product=True, exclusive=True),
    scan_case("size", (3, "n"), 1, bindings=[{"n": n} for n in (1, 5, 32, 33, 150)]),
)
