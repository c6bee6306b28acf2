"""Recurrent layers as operators of their own, so that an export keeps them whole.

torch knows the shapes of a recurrent layer by walking its steps, which fixes their number. These
operators have the schemas of ATen's, and tell their shapes without a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_SCHEMA = (
    "(Tensor x, Tensor[] initial, Tensor[] weights, bool biased, int layers, float dropout, "
    "bool train, bool both, bool batch_first) -> Tensor[]"
)

LAYERS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
"""The layers by the names that torch calls them by."""


class WholeLayers(TorchFunctionMode):
    """While it is entered, a recurrent layer is one operator of the namespace `pyjsml`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the operator in the place of `func`, if that is a layer which it can stand for."""
        name = getattr(func, "__name__", "")
        if name not in LAYERS or kwargs or not _plain(*args):
            return func(*args, **(kwargs or {}))
        x, initial, *rest = args
        states = [initial] if isinstance(initial, Tensor) else list(initial)
        results = getattr(torch.ops.pyjsml, name)(x, states, *rest)
        return tuple(results)


def _plain(x: Tensor, initial: Any, weights: Any, biased: Any, layers: int, *rest: Any) -> bool:
    """Tell whether the arguments are of a layer on padded sequences, without projected states."""
    if not isinstance(weights, list) or not isinstance(biased, bool):
        return False  # Of packed sequences the second argument is their sizes.
    _, _, both, _ = rest
    return len(weights) == (4 if biased else 2) * layers * (2 if both else 1)


def _compute(name: str, x: Tensor, initial: list[Tensor], *rest: Any) -> list[Tensor]:
    states = initial if name == "lstm" else initial[0]
    return [result.clone() for result in getattr(torch, name)(x, states, *rest)]


def _shapes(x: Tensor, initial: list[Tensor], *rest: Any) -> list[Tensor]:
    both = cast("bool", rest[-2])
    units = initial[0].shape[-1] * (2 if both else 1)
    return [x.new_empty([*x.shape[:2], units]), *map(torch.empty_like, initial)]


for _name in LAYERS:
    torch.library.define(f"pyjsml::{_name}", _SCHEMA)
    torch.library.impl(f"pyjsml::{_name}", "default", partial(_compute, _name))
    torch.library.register_fake(f"pyjsml::{_name}", _shapes)
