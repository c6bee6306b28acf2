"""What Resize computes along one axis, as numbers: where each output element comes from.

The formulas are those of ONNX's operator specification; borders repeat the outermost elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One axis to resample: its length before and after, the scale, and the region of interest."""

    size: int
    resized: int
    scale: float
    start: float = 0.0
    end: float = 1.0


def positions(axis: Axis, transformation: str) -> Floats:
    """Return where each element of the result lies among those of the input."""
    at = np.arange(axis.resized, dtype=np.float64)
    halves = (at + 0.5) / axis.scale - 0.5
    match transformation:
        case "half_pixel":
            return halves
        case "half_pixel_symmetric":
            adjustment = axis.resized / (axis.scale * axis.size)
            return axis.size / 2 * (1 - adjustment) + halves
        case "pytorch_half_pixel":
            return halves if axis.resized > 1 else np.zeros(1)
        case "align_corners":
            return at * (axis.size - 1) / max(axis.resized - 1, 1)
        case "asymmetric":
            return at / axis.scale
        case "tf_crop_and_resize":
            last = axis.size - 1
            if axis.resized == 1:
                return np.array([0.5 * (axis.start + axis.end) * last])
            return axis.start * last + at * (axis.end - axis.start) * last / (axis.resized - 1)
    raise ValueError(f"there is no coordinate transformation {transformation!r}")


def nearest(at: Floats, size: int, rounding: str) -> NDArray[np.int64]:
    """Return the index of the element of an axis of length `size` that is nearest to each `at`."""
    rounded = {
        "round_prefer_floor": lambda: np.ceil(at - 0.5),
        "round_prefer_ceil": lambda: np.floor(at + 0.5),
        "floor": lambda: np.floor(at),
        "ceil": lambda: np.ceil(at),
    }[rounding]()
    return np.clip(rounded, 0, size - 1).astype(np.int64)


def weights(
    at: Floats, axis: Axis, mode: str, *, cubic: float, exclude_outside: bool, antialias: bool
) -> Floats:
    """Return the matrix [size, resized] that interpolates an axis at the positions `at`."""
    stretch = min(axis.scale, 1.0) if antialias else 1.0
    reach = (2 if mode == "cubic" else 1) / stretch
    elements = np.arange(-int(np.ceil(reach)), axis.size + int(np.ceil(reach)) + 1)
    distance = np.abs(elements[:, None] - at) * stretch
    values = _cubic(distance, cubic) if mode == "cubic" else np.clip(1 - distance, 0, None)
    inside = (elements >= 0) & (elements < axis.size)
    if exclude_outside:
        matrix: Floats = values[inside]
    else:
        # What lies outside repeats the outermost element.
        matrix = np.zeros((axis.size, len(at)))
        np.add.at(matrix, np.clip(elements, 0, axis.size - 1), values)
    total: Floats = matrix.sum(axis=0)
    normalised: Floats = matrix / total
    return normalised


def outside(at: Floats, size: int) -> Any:
    """Say of each position whether it lies outside an axis of length `size`."""
    return (at < 0) | (at > size - 1)


def _cubic(distance: Floats, a: float) -> Floats:
    near: Floats = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far: Floats = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
