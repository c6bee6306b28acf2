"""Torch tensors as numpy arrays, and the names that dtypes have on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError
from pyjsml.frontend.options import DTYPES

if TYPE_CHECKING:
    from pyjsml.program import Array


def dtype_name(dtype: Any) -> str:
    """Return numpy's name of a torch dtype: `torch.float32` -> `float32`."""
    return str(dtype).removeprefix("torch.")


def to_numpy(name: str, tensor: Any) -> Array:
    """Return the weight `name` as a dense array; raise ModelError for a dtype that numpy lacks."""
    tensor = tensor.detach().cpu()
    if dtype_name(tensor.dtype) not in DTYPES:
        raise ModelError(
            f"The weight {name!r} is {dtype_name(tensor.dtype)}, which pyjsml doesn't take: call "
            "model.float() before the export."
        )
    if tensor.layout.__str__() != "torch.strided":
        tensor = tensor.to_dense()
    array: Array = tensor.contiguous().numpy()
    return array
