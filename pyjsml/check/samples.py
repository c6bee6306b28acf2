"""Random inputs for a model that comes without test vectors, made from its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyjsml.check.vectors import Case
from pyjsml.dims import evaluate, from_json

if TYPE_CHECKING:
    from pyjsml.program import Array

UNBOUNDED = 16
"""How far above its minimum a dim without a maximum is tried."""


def sample_cases(model: Mapping[str, Any], seed: int = 0) -> list[Case]:
    """Make a case with every dim at its minimum, one in the middle, and one at the maximum.

    The same seed gives the same inputs. Floats are drawn from a standard normal distribution,
    booleans and 8-bit integers from all their values. A wider integer may be an index, a mask or a
    token, and an index out of range is an error in no engine but nonsense in all: it is drawn from
    `[0, rows)`, where `rows` is the length of the smallest table (a weight of two axes or more)
    that an op reads beside it, or from {0, 1} where there is none.
    """
    random = np.random.default_rng(seed)
    return [
        Case(
            "random" + "".join(f" {name}={size}" for name, size in binding.items()),
            {
                port["name"]: _draw(random, port, binding, _rows(model, port["value"]))
                for port in model["inputs"]
            },
        )
        for binding in _bindings(model)
    ]


def _bindings(model: Mapping[str, Any]) -> list[dict[str, int]]:
    """Give every dim its minimum, its middle and its maximum; equal bindings occur once."""
    bindings: list[dict[str, int]] = []
    for half_way in (0, 1, 2):
        binding = {}
        for dim in model["dims"]:
            low = dim["min"]
            high = low + UNBOUNDED if dim["max"] is None else dim["max"]
            binding[dim["name"]] = low + (high - low) * half_way // 2
        if binding not in bindings:
            bindings.append(binding)
    return bindings


def _draw(
    random: np.random.Generator, port: Mapping[str, Any], binding: Mapping[str, int], rows: int
) -> Array:
    shape = tuple(evaluate(from_json(expr), binding) for expr in port["shape"])
    dtype = np.dtype(port["dtype"])
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize == 1 and not rows:
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return random.integers(0, min(rows or 2, np.iinfo(dtype).max), shape).astype(dtype)


def _rows(model: Mapping[str, Any], value: int) -> int:
    """Return the length of the smallest table that an op reads beside `value`; 0 for none."""
    values = model["values"]
    beside = {index for op in model["ops"] if value in op["inputs"] for index in op["inputs"]}
    tables = [values[index]["shape"] for index in beside if values[index].get("constant")]
    return min((shape[0] for shape in tables if len(shape) > 1), default=0)
