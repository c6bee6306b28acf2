"""A case of a kernel of bytes, and what all such cases share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from tvm import te

from pyjsml.kernels.int8 import int8
from tests.ops.cases.case import Array, Binding, Case, Spec
from tests.ops.functions import Dims, Size, sizes

GROUP = int8.GROUP


@dataclass(frozen=True)
class ByteCase(Case):
    """A kernel whose integers are drawn from the whole range of their dtype, its ends above all."""

    def _random(self, random: Any, shape: Sequence[Size], dtype: str, binding: Binding) -> Array:
        concrete = [binding[size] if isinstance(size, str) else size for size in shape]
        if dtype not in ("int8", "uint8"):
            return super()._random(random, shape, dtype, binding)
        limits = np.iinfo(dtype)
        drawn = random.integers(limits.min, limits.max, concrete, dtype, endpoint=True)
        ends = np.array([limits.min, limits.min + 1, limits.max, 0], dtype)
        chosen = random.choice(ends, concrete)
        return np.asarray(np.where(random.random(concrete) < 0.5, chosen, drawn))


def case(
    name: str,
    define: Callable[..., Any],
    specs: Sequence[Spec],
    expected: Callable[..., Array],
    bindings: Sequence[Binding] = ({},),
    reach: float = 2.0,
) -> ByteCase:
    """Return a case of a tensor expression; other numbers than bytes are drawn within `reach`."""

    def build() -> Any:
        dims = Dims()
        inputs = [
            te.placeholder(sizes(shape, dims), dtype, name=f"input{number}")
            for number, (shape, dtype) in enumerate(specs)
        ]
        return te.create_prim_func([*inputs, define(*inputs)])

    return ByteCase(name, build, specs, expected, bindings, -reach, reach)


def convolved(
    data: Array,
    weight: Array,
    strides: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Array:
    """Convolve in float64, in which sums of so few bytes are exact."""
    image = torch.from_numpy(data.astype(np.float64)).permute(0, 3, 1, 2)
    taps = torch.from_numpy(weight.astype(np.float64))
    result = F.conv2d(image, taps, None, tuple(strides), 0, tuple(dilation), groups)
    return result.permute(0, 2, 3, 1).numpy().astype(np.int32)
