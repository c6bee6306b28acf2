"""Resize, and Upsample, which it was before opset 10."""

from __future__ import annotations

import math
from typing import Any

from pyjsml.frontend.onnx_ops.common import Attributes, Inputs, constant, input_at, text
from pyjsml.frontend.resampling import Resampling, length, resample


def upsample(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Upsample."""
    given = input_at(inputs, 1)
    scales = attributes["scales"] if given is None else constant(given, "scales").tolist()
    return resample(
        builder,
        inputs[0],
        Resampling(
            {axis: float(scale) for axis, scale in enumerate(scales)},
            {},
            mode=text(attributes, "mode", "nearest"),
            transformation="asymmetric",
            rounding="floor",
        ),
    )


def resize(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Resize, whose scales, sizes and region of interest must be constants."""
    if opset < 11:
        return upsample(builder, inputs, attributes, opset)
    data = inputs[0]
    given = dict(zip(("roi", "scales", "sizes"), inputs[1:], strict=False))
    lists = {
        what: constant(value, what).tolist() for what, value in given.items() if value is not None
    }
    axes = [int(axis) % data.ty.ndim for axis in attributes.get("axes", range(data.ty.ndim))]
    scales: dict[int, float] = dict(zip(axes, lists.get("scales", ()), strict=False))
    sizes = dict(zip(axes, map(int, lists.get("sizes", ())), strict=False))
    policy = text(attributes, "keep_aspect_ratio_policy", "stretch")
    if sizes and policy != "stretch":
        scales, sizes = _keep_aspect_ratio(data, sizes, policy)
    elif sizes:
        scales = {axis: size / length(data, axis) for axis, size in sizes.items()}
    roi = lists.get("roi") or [0.0] * len(axes) + [1.0] * len(axes)
    region = dict(zip(axes, zip(roi[: len(axes)], roi[len(axes) :], strict=True), strict=True))
    return resample(
        builder,
        data,
        Resampling(
            scales,
            sizes,
            mode=text(attributes, "mode", "nearest"),
            transformation=text(attributes, "coordinate_transformation_mode", "half_pixel"),
            rounding=text(attributes, "nearest_mode", "round_prefer_floor"),
            cubic=float(attributes.get("cubic_coeff_a", -0.75)),
            exclude_outside=bool(attributes.get("exclude_outside", 0)),
            antialias=bool(attributes.get("antialias", 0)),
            extrapolation=float(attributes.get("extrapolation_value", 0.0)),
            region=region,
        ),
    )


def _keep_aspect_ratio(
    data: Any, sizes: dict[int, int], policy: str
) -> tuple[dict[int, float], dict[int, int]]:
    choose = min if policy == "not_larger" else max
    scale = choose(size / length(data, axis) for axis, size in sizes.items())
    lengths = {axis: math.floor(scale * length(data, axis) + 0.5) for axis in sizes}
    return dict.fromkeys(sizes, scale), lengths
