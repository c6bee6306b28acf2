"""Resampling: Resize, and Upsample, which it was before opset 10."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import (
    Attributes,
    Inputs,
    NotConstantError,
    as_constant,
    constant,
    dtype_of,
    input_at,
    text,
)
from pyjsml.frontend.onnx_ops.interpolation import Axis, nearest, outside, positions, weights

IMAGE_TRANSFORMATIONS = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")


def upsample(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Upsample."""
    given = input_at(inputs, 1)
    scales = attributes["scales"] if given is None else constant(given, "scales").tolist()
    resampling = {"mode": attributes.get("mode", "nearest"), "nearest_mode": "floor"}
    resampling["coordinate_transformation_mode"] = "asymmetric"
    scale_of = {axis: float(scale) for axis, scale in enumerate(scales)}
    return _resample(builder, inputs[0], scale_of, {}, resampling)


def resize(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Resize.

    Raises NotConstantError where scales, sizes or the region of interest are computed at run time.
    """
    data = inputs[0]
    rank = data.ty.ndim
    if opset < 11:
        given = {"scales": input_at(inputs, 1)}
        attributes = {**attributes, "coordinate_transformation_mode": "asymmetric"}
        attributes["nearest_mode"] = "floor"
    else:
        given = dict(zip(("roi", "scales", "sizes"), inputs[1:], strict=False))
    lists = {
        what: constant(value, what).tolist() for what, value in given.items() if value is not None
    }
    axes = [int(axis) % rank for axis in attributes.get("axes", range(rank))]
    scales = dict(zip(axes, lists.get("scales", ()), strict=False))
    sizes = dict(zip(axes, map(int, lists.get("sizes", ())), strict=False))
    policy = text(attributes, "keep_aspect_ratio_policy", "stretch")
    if sizes and policy != "stretch":
        scales, sizes = _keep_aspect_ratio(data, sizes, policy)
    elif sizes:
        scales = {axis: size / _length(data, axis) for axis, size in sizes.items()}
    roi = lists.get("roi") or [0.0] * len(axes) + [1.0] * len(axes)
    region = dict(zip(axes, zip(roi[: len(axes)], roi[len(axes) :], strict=True), strict=True))
    return _resample(builder, data, scales, sizes, attributes, region)


def _keep_aspect_ratio(
    data: Any, sizes: dict[int, int], policy: str
) -> tuple[dict[int, float], dict[int, int]]:
    choose = min if policy == "not_larger" else max
    scale = choose(size / _length(data, axis) for axis, size in sizes.items())
    lengths = {axis: math.floor(scale * _length(data, axis) + 0.5) for axis in sizes}
    return dict.fromkeys(sizes, scale), lengths


def _resample(
    builder: Any,
    data: Any,
    scales: dict[int, float],
    sizes: dict[int, int],
    attributes: Attributes,
    region: dict[int, tuple[float, float]] | None = None,
) -> Any:
    mode = text(attributes, "mode", "nearest")
    transformation = text(attributes, "coordinate_transformation_mode", "half_pixel")
    rounding = text(attributes, "nearest_mode", "round_prefer_floor")
    crops = transformation == "tf_crop_and_resize"
    # As in ONNX Runtime, the axes of batch and channels have no region of interest.
    changed = [axis for axis, scale in scales.items() if scale != 1 or (crops and axis > 1)]
    image = _image(data, changed, scales, sizes, attributes)
    if image is not None:
        return image
    masks = []
    for number in changed:
        size = _length(data, number)
        resized = sizes.get(number, math.floor(size * scales[number]))
        start, end = (region or {}).get(number, (0.0, 1.0))
        axis = Axis(size, resized, scales[number], start, end)
        at = positions(axis, transformation)
        if crops and outside(at, size).any():
            masks.append((number, outside(at, size)))
        if mode == "nearest":
            indices = as_constant(nearest(at, size, rounding))
            data = builder.emit(relax.op.take(data, indices, number))
            continue
        matrix = weights(
            at,
            axis,
            mode,
            cubic=float(attributes.get("cubic_coeff_a", -0.75)),
            exclude_outside=bool(attributes.get("exclude_outside", 0)),
            antialias=bool(attributes.get("antialias", 0)),
        )
        data = _contract(builder, data, number, matrix)
    for number, mask in masks:
        shape = [-1 if axis == number else 1 for axis in range(data.ty.ndim)]
        fill = relax.const(attributes.get("extrapolation_value", 0.0), dtype_of(data))
        data = builder.emit(relax.op.where(as_constant(mask.reshape(shape)), fill, data))
    return data


def _image(
    data: Any,
    changed: list[int],
    scales: dict[int, float],
    sizes: dict[int, int],
    attributes: Attributes,
) -> Any:
    """Return the operator for pictures, which is the fastest, where it computes the same."""
    mode = text(attributes, "mode", "nearest")
    transformation = text(attributes, "coordinate_transformation_mode", "half_pixel")
    fits = data.ty.ndim == 4 and set(changed) <= {2, 3} and changed
    if not fits or attributes.get("antialias") or transformation not in IMAGE_TRANSFORMATIONS:
        return None
    lengths = []
    for axis in (2, 3):
        size, scale = data.ty.shape[axis], scales.get(axis, 1.0)
        if axis in sizes:
            lengths.append(sizes[axis])
        elif float(scale).is_integer():
            lengths.append(size * int(scale))
        elif isinstance(size, IntImm) and (int(size) * scale).is_integer():
            lengths.append(int(int(size) * scale))
        else:
            # Where a length is rounded, scales and ratios of lengths differ.
            return None
    return relax.op.image.resize2d(
        data,
        relax.ShapeExpr(lengths),
        [0.0] * 4,
        layout="NCHW",
        method="nearest_neighbor" if mode == "nearest" else mode,
        coordinate_transformation_mode=transformation,
        rounding_method=text(attributes, "nearest_mode", "round_prefer_floor"),
        cubic_alpha=float(attributes.get("cubic_coeff_a", -0.75)),
        cubic_exclude=int(attributes.get("exclude_outside", 0)),
        extrapolation_value=0.0,
    )


def _contract(builder: Any, data: Any, axis: int, matrix: Any) -> Any:
    """Multiply an axis of `data` with `matrix` [old, new]."""
    rank = data.ty.ndim
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    moved = data if axis == rank - 1 else builder.emit(relax.op.permute_dims(data, order))
    factors = as_constant(matrix.astype(np.dtype(dtype_of(data))))
    product = builder.emit(relax.op.matmul(moved, factors))
    return product if axis == rank - 1 else builder.emit(relax.op.permute_dims(product, order))


def _length(data: Any, axis: int) -> int:
    size = data.ty.shape[axis]
    if not isinstance(size, IntImm):
        raise NotConstantError(f"the length of its axis {axis} varies from run to run")
    return int(size)
