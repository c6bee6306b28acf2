"""Resampling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.resampling import Resampling, resample
from pyjsml.frontend.torch_ops.common import Converter, sizes_of

_MODES = {
    "_upsample_bicubic2d_aa": "cubic",
    "_upsample_bilinear2d_aa": "linear",
    "upsample_bicubic2d": "cubic",
    "upsample_bilinear2d": "linear",
    "upsample_linear1d": "linear",
    "upsample_nearest1d": "nearest",
    "upsample_nearest2d": "nearest",
    "upsample_nearest3d": "nearest",
    "upsample_trilinear3d": "linear",
}


def grid_sample(importer: Any, node: Any) -> Any:
    """Convert grid_sample, whose grid TVM wants with the coordinates in front."""
    builder = importer.block_builder
    data, grid, method, padding, aligned = importer.retrieve_args(node)
    grid = builder.emit(relax.op.permute_dims(grid, [0, 3, 1, 2]))
    return builder.emit(
        relax.op.image.grid_sample(
            data,
            grid,
            method=("bilinear", "nearest", "bicubic")[method],
            layout="NCHW",
            padding_mode=("zeros", "border", "reflection")[padding],
            align_corners=bool(aligned),
        )
    )


def _upsample(mode: str, antialias: bool, importer: Any, node: Any) -> Any:
    """Convert interpolate; TVM's own knows no antialiasing, nor the factors that torch keeps."""
    data = importer.env[node.args[0]]
    new = sizes_of(importer, node.meta["val"])[2:]
    given = [value for value in (*node.args[2:], *node.kwargs.values()) if value is not None]
    factors = next((list(value) for value in given if isinstance(value, list | tuple)), None)
    factors = factors or [value for value in given if type(value) is float]
    scales = {}
    for axis, size in enumerate(new, start=2):
        old = data.ty.shape[axis]
        if factors:
            scales[axis] = float(factors[axis - 2])
        else:
            fixed = isinstance(old, IntImm) and isinstance(size, int)
            scales[axis] = size / int(old) if fixed else math.nan
    aligned = any(value is True for value in given)
    smooth = "align_corners" if aligned else "half_pixel"
    how = Resampling(
        scales,
        dict(enumerate(new, start=2)),
        mode=mode,
        transformation="asymmetric" if mode == "nearest" else smooth,
        rounding="floor" if mode == "nearest" else "round_prefer_floor",
        cubic=-0.5 if antialias else -0.75,
        antialias=antialias,
        exclude_outside=antialias,
    )
    return importer.block_builder.emit(resample(importer.block_builder, data, how))


UPSAMPLING: Mapping[str, Converter] = {
    f"{name}.{overload}": partial(_upsample, mode, name.endswith("_aa"))
    for name, mode in _MODES.items()
    for overload in ("default", "vec")
}
