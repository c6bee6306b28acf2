"""Resampling of tensors along any axes, for every front end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.interpolation import Axis, nearest, outside, positions, weights

IMAGE_TRANSFORMATIONS = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")


class VaryingLengthError(Exception):
    """An axis to resample has no fixed length, and no operator that could do without."""


@dataclass(frozen=True)
class Resampling:
    """How to resample, in the words of ONNX's Resize.

    `scales` gives the factor for each axis that changes, and `sizes` its new length where that is
    not the factor times the old one, rounded down. `region` is the part of each axis to take, for
    `tf_crop_and_resize`.
    """

    scales: Mapping[int, float]
    sizes: Mapping[int, Any]
    mode: str = "nearest"
    transformation: str = "half_pixel"
    rounding: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    extrapolation: float = 0.0
    region: Mapping[int, tuple[float, float]] | None = None

    @property
    def crops(self) -> bool:
        """Whether only a region is taken."""
        return self.transformation == "tf_crop_and_resize"

    @property
    def changed(self) -> list[int]:
        """The axes to resample; those of batch and channels have no region, as in ONNX Runtime."""
        return [axis for axis, s in self.scales.items() if s != 1 or (self.crops and axis > 1)]


def resample(builder: Any, data: Any, how: Resampling) -> Any:
    """Return `data` resampled; raises VaryingLengthError."""
    image = _image(data, how)
    if image is not None:
        return image
    masks = []
    for number in how.changed:
        size = length(data, number)
        resized = int(how.sizes.get(number, math.floor(size * how.scales[number])))
        start, end = (how.region or {}).get(number, (0.0, 1.0))
        axis = Axis(size, resized, how.scales[number], start, end)
        at = positions(axis, how.transformation)
        if how.crops and outside(at, size).any():
            masks.append((number, outside(at, size)))
        if how.mode == "nearest":
            indices = relax.const(nearest(at, size, how.rounding), "int64")
            data = builder.emit(relax.op.take(data, indices, number))
            continue
        matrix = weights(
            at,
            axis,
            how.mode,
            cubic=how.cubic,
            exclude_outside=how.exclude_outside,
            antialias=how.antialias,
        )
        data = _contract(builder, data, number, matrix)
    for number, mask in masks:
        shape = [-1 if axis == number else 1 for axis in range(data.ty.ndim)]
        fill = relax.const(how.extrapolation, data.ty.dtype)
        where = relax.const(mask.reshape(shape), "bool")
        data = builder.emit(relax.op.where(where, fill, data))
    return data


def length(data: Any, axis: int) -> int:
    """Return the length of an axis; raise VaryingLengthError if it is not fixed."""
    size = data.ty.shape[axis]
    if not isinstance(size, IntImm):
        raise VaryingLengthError(f"the length of its axis {axis} varies from run to run")
    return int(size)


def _image(data: Any, how: Resampling) -> Any:
    """Return the operator for pictures, which is the fastest, where it computes the same."""
    fits = data.ty.ndim == 4 and set(how.changed) <= {2, 3} and how.changed
    if not fits or how.antialias or how.transformation not in IMAGE_TRANSFORMATIONS:
        return None
    lengths = [_image_length(data, axis, how) for axis in (2, 3)]
    if any(each is None for each in lengths):
        return None
    return relax.op.image.resize2d(
        data,
        relax.ShapeExpr(lengths),
        [0.0] * 4,
        layout="NCHW",
        method="nearest_neighbor" if how.mode == "nearest" else how.mode,
        coordinate_transformation_mode=how.transformation,
        rounding_method=how.rounding,
        cubic_alpha=how.cubic,
        cubic_exclude=int(how.exclude_outside),
        extrapolation_value=0.0,
    )


def _image_length(data: Any, axis: int, how: Resampling) -> Any:
    """Return the new length of an axis if it is the exact product of old length and scale."""
    size, scale = data.ty.shape[axis], how.scales.get(axis, 1.0)
    if float(scale).is_integer():
        return how.sizes.get(axis, size * int(scale))
    if not isinstance(size, IntImm):
        return how.sizes.get(axis)
    exact = int(size) * scale
    new = how.sizes.get(axis, math.floor(exact))
    return new if not isinstance(new, int) or abs(new - exact) < 1e-6 * new else None


def _contract(builder: Any, data: Any, axis: int, matrix: Any) -> Any:
    """Multiply an axis of `data` with `matrix` [old, new]."""
    rank = data.ty.ndim
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    moved = data if axis == rank - 1 else builder.emit(relax.op.permute_dims(data, order))
    dtype = str(data.ty.dtype.dtype)
    factors = relax.const(matrix.astype(np.dtype(dtype)), dtype)
    product = builder.emit(relax.op.matmul(moved, factors))
    return product if axis == rank - 1 else builder.emit(relax.op.permute_dims(product, order))
