"""Functions of torch compute in V8 what they do in torch, many to a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pyjsml import api
from pyjsml.dims import Shape
from pyjsml.errors import ModelError
from pyjsml.program import ISAS, TensorSpec

Function = Callable[[Tensor], Any]

ROWS: Sequence[Function] = (
    lambda x: x.cummax(1),
    lambda x: x.cummin(0),
    lambda x: (x * 2).long().cummax(0),
    lambda x: torch.kthvalue(x, 2, 1),
    lambda x: torch.kthvalue(x, 1, 0, keepdim=True),
    lambda x: torch.cdist(x, x[:3] + 1),
    lambda x: torch.cdist(x, x[1:], p=1),
    lambda x: torch.cdist(x, x + 1, p=3),
    lambda x: torch.cdist(x, x.round(), p=0),
    lambda x: torch.cdist(x, x + 1, p=float("inf")),
    lambda x: torch.searchsorted(torch.tensor([-1.0, 0.0, 0.0, 1.0]), x.round()),
    lambda x: torch.searchsorted(x.sort(1)[0], x.round(), right=True, out_int32=True),
    lambda x: torch.where(x > 0, x, 0),
    lambda x: torch.heaviside(x, x),
)
"""Of a matrix [n, 5]; torch computes distances of more than 25 rows in another way."""
STRIDES: Sequence[Function] = (
    lambda x: x.as_strided((2, 3, 4), (15, 3, 2)),
    lambda x: x.as_strided((3, 3, 2, 2), (5, 1, 10, 1), 4),
    lambda x: x.as_strided((7, 5), (0, 2), 1),
    lambda x: (x + 1).as_strided((2, 9), (20, 1)),
)
"""Of a matrix [8, 5]."""


def _upsampled(x: Tensor, groups: int) -> Tensor:
    weight = torch.linspace(-1, 1, 4 * 3 * 3 * 2 * 3).reshape(4, 3, 3, 2, 3)
    bias = torch.arange(3.0 * groups) if groups == 1 else None
    return functional.conv_transpose3d(
        x, weight, bias, (2, 1, 3), (1, 0, 1), (1, 0, 2), groups, (1, 2, 1)
    )


def _unpooled(x: Tensor) -> Tensor:
    """Pool volumes, and put their maxima back where they were."""
    largest, places = functional.max_pool3d(x, 2, return_indices=True)
    return functional.max_unpool3d(largest, places, (2, 2, 2), output_size=x.shape[2:])


VOLUMES: Sequence[Function] = (
    lambda x: _upsampled(x, 1),
    lambda x: _upsampled(x, 2),
    lambda x: functional.adaptive_max_pool3d(x, (3, 2, 4)),
    lambda x: functional.max_pool3d(x, 3, (2, 1, 3), 1, return_indices=True),
    lambda x: functional.max_pool2d(
        x[0], (3, 2), 2, 1, (1, 2), ceil_mode=True, return_indices=True
    ),
    lambda x: functional.max_pool2d(x[0, 1], 2, return_indices=True),
    _unpooled,
    lambda x: functional.bilinear(
        x, x.flip(0), torch.linspace(-1, 1, 2 * 7 * 7).reshape(2, 7, 7), torch.tensor([1.0, 2.0])
    ),
)
"""Of volumes [2, 4, 5, 3, 7]."""

pytestmark = pytest.mark.slow


class Many(nn.Module):
    """Applies functions to the same input."""

    def __init__(self, functions: Sequence[Function]) -> None:
        super().__init__()
        self.functions = functions

    def forward(self, x: Tensor) -> list[Any]:
        return [function(x) for function in self.functions]


@pytest.mark.parametrize(
    ("functions", "shape", "sizes"),
    [
        (ROWS, ("n", 5), [(3, 5), (9, 5)]),
        (STRIDES, (8, 5), [(8, 5)]),
        (VOLUMES, (2, 4, 5, 3, 7), [(2, 4, 5, 3, 7)]),
    ],
    ids=["rows", "strides", "volumes"],
)
def test_functions_compute_what_torch_does(
    functions: Sequence[Function], shape: Shape, sizes: Sequence[tuple[int, ...]]
) -> None:
    module = Many(functions)
    specs = {"x": TensorSpec("x", "float32", shape)}
    bundle = api.bundle(module, inputs=specs, dims={"n": (3, 25)} if "n" in shape else {})
    generator = torch.Generator().manual_seed(0)
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for size in sizes:
                x = torch.randn(size, generator=generator)
                # What a run reads without having written it is then NaN, or a large number.
                executor.run(x=np.full(size, np.nan, np.float32))
                found: dict[str, Any] = dict(executor.run(x=x.numpy()))
                expected = torch.utils._pytree.tree_leaves(module(x))
                for (name, value), wanted in zip(found.items(), expected, strict=True):
                    assert value.dtype == wanted.numpy().dtype, name
                    assert value.shape == tuple(wanted.shape), name
                    np.testing.assert_allclose(value, wanted, 1e-4, 1e-5, err_msg=name)


def test_the_last_of_equal_extremes_is_where_they_are() -> None:
    x = torch.tensor([[1.0, 1.0, 0.0, 2.0, 2.0], [-torch.inf, -torch.inf, 3.0, 3.0, 1.0]])
    bundle = api.bundle(Many([lambda x: x.cummax(1), lambda x: x.cummin(1)]), (x,))
    expected = [part for result in (x.cummax(1), x.cummin(1)) for part in result]
    with api.Executor(bundle, "v8") as executor:
        for value, wanted in zip(executor.run(x=x.numpy()).values(), expected, strict=True):
            np.testing.assert_array_equal(value, wanted.numpy())


def test_strides_of_what_lies_in_memory_in_another_order_are_refused() -> None:
    module = Many([lambda x: x.T.as_strided((2, 3), (3, 1))])
    with pytest.raises(ModelError, match=r"as_strided.* in order: call contiguous\(\) before"):
        api.bundle(module, (torch.zeros(8, 5),))
