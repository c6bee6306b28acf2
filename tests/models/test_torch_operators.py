"""What vision models do with tensors computes what torch computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pyjsml import api
from pyjsml.check.compare import compare
from pyjsml.check.tolerance import tolerance
from pyjsml.errors import ModelError
from pyjsml.program import ISAS

ENGINE = "v8"
Function = Callable[[torch.Tensor], torch.Tensor]


def _assigned(x: torch.Tensor) -> torch.Tensor:
    """Number the regions of a picture, as shifted windows do, and write into it."""
    regions = torch.zeros(x.shape[-2:])
    for number, rows in enumerate((slice(0, -5), slice(-5, -2), slice(-2, None))):
        regions[rows, 2:-3] = number
    result = x + regions
    result[:, :, 1::3, ::2] = x[:, :, 1::3, ::2] * 2
    result[:, 2:4] = 0
    result[..., -1] += 1
    return result


def _blocks(x: torch.Tensor) -> torch.Tensor:
    """Cut a picture into blocks that touch along one axis and overlap along the other."""
    return x.unfold(2, 5, 5).unfold(3, 7, 3).contiguous()


OPERATORS: dict[str, Function] = {
    "assignments to slices": _assigned,
    "windows along axes": _blocks,
    "adaptive maxima": lambda x: functional.adaptive_max_pool2d(x, (4, 5)),
    "adaptive means": lambda x: functional.adaptive_avg_pool2d(x, (7, 5)),
    "the maximum of a picture": lambda x: functional.adaptive_max_pool2d(x, 1),
    "adaptive maxima of rows": lambda x: functional.adaptive_max_pool1d(x[0], 4),
    "normalised groups": lambda x: functional.group_norm(x, 3),
    "a divisor of means": lambda x: functional.avg_pool2d(x, (3, 2), 2, 1, divisor_override=5),
    "a divisor of means of boxes": lambda x: functional.avg_pool3d(x, 2, divisor_override=3),
}


class Applied(nn.Module):
    """Applies a function."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_compute_what_torch_computes(name: str) -> None:
    module = Applied(OPERATORS[name])
    x = torch.randn((2, 6, 15, 13), generator=torch.Generator().manual_seed(4))
    expected = module(x).numpy()
    bundle = api.bundle(module, (x,))
    for isa in ISAS:
        with api.Executor(bundle, ENGINE, isa=isa) as executor:
            # What a run reads without having written it is then NaN.
            executor.run(x=np.full(x.shape, np.nan, np.float32))
            (actual,) = executor.run(x=x.numpy()).values()
        compared = compare(actual, expected, tolerance("float32", "wasm"))
        assert compared.ok, f"{isa}: {compared}"


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.adaptive_max_pool2d(x, 3, return_indices=True)[1],
        lambda x: functional.adaptive_max_pool3d(x, 3, return_indices=True)[1],
    ],
)
def test_places_of_maxima_are_refused(function: Function) -> None:
    with pytest.raises(ModelError, match=r"of what aten\..*max_pool.* gives only the first"):
        api.bundle(Applied(function), (torch.zeros(2, 6, 15, 13),))
