"""How far from the expected value an element may be: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass

from pyjsml.errors import OptionError
from pyjsml.program import DEVICES


@dataclass(frozen=True)
class Tolerance:
    """Allow `|actual - expected| <= absolute + relative * |expected|`; zeros mean equality."""

    absolute: float
    relative: float

    def __str__(self) -> str:
        if self.relative == 0:
            return f"{self.absolute:.2g}" if self.absolute else "exact"
        return f"{self.absolute:g} + {self.relative:g}|b|"


def tolerance(dtype: str, device: str) -> Tolerance:
    """Return the tolerance for values of `dtype` (numpy's name) computed on `device`.

    Float results differ between hosts that fuse a multiplication with an addition and those that
    do not, and between orders of summation: the float32 bound leaves room for both over a deep
    model. The functions of a GPU are less exact: GLSL ES 3.00 asks of `exp` and the like for a few
    units in the last place, and drivers flush what is denormal. Integers and booleans are exact
    everywhere.
    """
    if device not in DEVICES:
        raise OptionError(f"no device {device!r} to check; the devices are: {', '.join(DEVICES)}")
    match dtype:
        case "float32" if device == "webgl2":
            return Tolerance(1e-3, 1e-3)
        case "float16":
            return Tolerance(5e-3, 5e-3)
        case "float32":
            return Tolerance(1e-4, 1e-4)
        case "float64":
            return Tolerance(1e-7, 1e-7)
        case _:
            return Tolerance(0.0, 0.0)
