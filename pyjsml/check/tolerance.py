"""How far from the expected value an element may be: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyjsml.errors import OptionError
from pyjsml.program import DEVICES

if TYPE_CHECKING:
    from pyjsml.engines.precision import Precision


@dataclass(frozen=True)
class Tolerance:
    """Allow `|actual - expected| <= absolute + relative * |expected| + largest * max|expected|`.

    The maximum is that of the whole tensor. Zeros mean equality.
    """

    absolute: float
    relative: float
    largest: float = 0.0

    def __str__(self) -> str:
        digits = "g" if self.relative else ".2g"
        terms = (
            f"{self.absolute:{digits}}" if self.absolute else "",
            f"{self.relative:g}|b|" if self.relative else "",
            f"{self.largest:g} max|b|" if self.largest else "",
        )
        return " + ".join(filter(None, terms)) or "exact"


def tolerance(dtype: str, device: str, precision: Precision = "float32") -> Tolerance:
    """Return the tolerance for values of `dtype` (numpy's name) computed on `device`.

    Float results differ between hosts that fuse a multiplication with an addition and those that
    do not, and between orders of summation: the float32 bound leaves room for both over a deep
    model. The functions of a GPU are less exact: GLSL ES 3.00 asks of `exp` and the like for a few
    units in the last place, and drivers flush what is denormal. Where values are kept in float16
    between ops (`precision`), what rounding them adds up to goes with the largest of an output:
    `FLOAT16_TOLERANCE` of `js/src/webgl2/device.ts` says how that was found. Integers and booleans
    are exact everywhere. A float64, which wasm computes, may come of what webgl2 has computed.
    """
    if device not in DEVICES:
        raise OptionError(f"no device {device!r} to check; the devices are: {', '.join(DEVICES)}")
    match dtype:
        case "float32" | "float64" if precision == "float16":
            return Tolerance(0.0, 0.0, 0.02)
        case "float32" | "float64" if device == "webgl2":
            return Tolerance(1e-3, 1e-3)
        case "float16":
            return Tolerance(5e-3, 5e-3)
        case "float32":
            return Tolerance(1e-4, 1e-4)
        case "float64":
            return Tolerance(1e-7, 1e-7)
        case _:
            return Tolerance(0.0, 0.0)
