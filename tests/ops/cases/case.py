"""A case of a kernel: a function, shapes to call it with, and what it should compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.ops.functions import Size, from_relax

Array = NDArray[Any]
Spec = tuple[Sequence[Size], str]
Binding = Mapping[str, int]
SEQUENCES = [{"n": n} for n in (1, 2, 9, 33)]
EMPTY = [*SEQUENCES, {"n": 0}]


@dataclass(frozen=True)
class Case:
    """A kernel: `expected` takes arrays of `specs` and gives the outputs, for each binding."""

    name: str
    build: Callable[[], Any]
    specs: Sequence[Spec]
    expected: Callable[..., Any]
    bindings: Sequence[Binding] = ({},)
    low: float = -2.0
    high: float = 2.0

    def inputs(self, binding: Binding, seed: int = 0) -> list[Array]:
        """Return seeded arrays of the case's shapes under `binding`."""
        random = np.random.default_rng(seed)
        return [self._random(random, shape, dtype, binding) for shape, dtype in self.specs]

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        """Return what the kernel should make of `inputs`."""
        results = self.expected(*inputs)
        listed = results if isinstance(results, list) else [results]
        return [np.asarray(result) for result in listed]

    def dims(self, binding: Binding) -> list[int]:
        """Return the kernel's dims: names in the order of their first appearance."""
        names = [size for shape, _ in self.specs for size in shape if isinstance(size, str)]
        return [binding[name] for name in dict.fromkeys(names)]

    def _random(self, random: Any, shape: Sequence[Size], dtype: str, binding: Binding) -> Array:
        concrete = [binding[size] if isinstance(size, str) else size for size in shape]
        if dtype == "bool":
            return np.asarray(random.integers(0, 2, concrete), np.bool_)
        if dtype.startswith("float"):
            if np.isinf(self.low):
                return np.full(concrete, self.low, dtype)
            return np.asarray(random.uniform(self.low, self.high, concrete), dtype)
        low = 0 if dtype.startswith("u") else int(self.low)
        return np.asarray(random.integers(low, int(self.high) + 1, concrete), dtype)


def f32(*shape: Size) -> Spec:
    """Return the spec of a float32 input."""
    return shape, "float32"


def tensor(array: Array) -> torch.Tensor:
    """Return an array as a double-precision tensor where it holds floats."""
    made = torch.from_numpy(np.ascontiguousarray(array))
    return made.double() if made.dtype == torch.float32 else made


def single(result: torch.Tensor) -> Array:
    """Return a tensor as the array that a kernel would give."""
    array: Array = result.numpy()
    return array.astype(np.float32) if array.dtype == np.float64 else array


def by_torch(function: Callable[..., torch.Tensor]) -> Callable[..., Array]:
    """Return `function` over arrays, computed in double precision."""
    return lambda *arrays: single(function(*[tensor(array) for array in arrays]))


def pooled(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Array]:
    """Return a pooling of NHWC pictures, by torch."""
    return by_torch(lambda x: function(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


def op_case(
    name: str,
    define: Callable[..., Any],
    specs: Sequence[Spec],
    expected: Callable[..., Any],
    bindings: Sequence[Binding] = ({},),
    low: float = -2.0,
    high: float = 2.0,
) -> Case:
    """Return operators of Relax, fused."""
    return Case(name, lambda: from_relax(define, *specs), specs, expected, bindings, low, high)
