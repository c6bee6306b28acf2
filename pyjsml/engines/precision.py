"""How exactly a run keeps float32 values between its ops."""

from __future__ import annotations

from typing import Literal

from pyjsml.errors import OptionError

Precision = Literal["float32", "float16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "float16")
"""As they are, or, on webgl2 alone, in 16 bits."""


def check_precision(precision: str, device: str) -> None:
    """Raise OptionError where `device` can't keep values so."""
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise OptionError(f"there is no precision {precision!r}; there are: {known}")
    if precision != "float32" and device != "webgl2":
        raise OptionError(
            f"the device {device} keeps values in float32; webgl2 alone keeps them in {precision}"
        )
