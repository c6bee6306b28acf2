"""How TIR's dtypes and constants look in GLSL ES 3.00."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from tvm import tirx

from pyjsml.codegen.webgl2.refusal import NoShaderError
from pyjsml.codegen.webgl2.writer import Kind
from pyjsml.kernels.tir.expression import dtype

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "int64")
"""The integers that shaders have: all lie in 32 bits, and those of 64 must fit into them."""

NARROW = {
    "int8": ("({} << 24) >> 24", "-128", "127"),
    "uint8": ("{} & 255", "0", "255"),
    "int16": ("({} << 16) >> 16", "-32768", "32767"),
    "uint16": ("{} & 65535", "0", "65535"),
}
"""How a value wraps round that is computed in 32 bits."""


def kind_of(name: str) -> Kind:
    """Return what holds an element of the dtype `name`; NoShaderError if nothing does."""
    if name == "float32":
        return "float"
    if name == "bool":
        return "bool"
    if name in INTEGERS:
        return "int"
    raise NoShaderError(f"WebGL2 has no {name}")


def stored_kind(name: str) -> Kind:
    """Return what a texel of a tensor of dtype `name` holds; a bool is 0 or 1."""
    kind = kind_of(name)
    return "int" if kind == "bool" else kind


def literal(value: Any) -> str:
    """Write a constant; NoShaderError for an int64 that does not fit into 32 bits."""
    if dtype(value) == "bool":
        return "true" if int(value) else "false"
    if isinstance(value, tirx.FloatImm):
        return _float(float(value.value))
    number = int(value)
    low, high = -(2**31), 2**31 - 1
    if dtype(value) == "int64" and number in (-(2**63), 2**63 - 1):
        number = low if number < 0 else high  # the ends of a range stay its ends
    if not low <= number <= high:
        raise NoShaderError(f"the constant {number} does not fit into 32 bits")
    return "int(0x80000000u)" if number == low else str(number)


def _float(number: float) -> str:
    number = float(np.float32(number))
    if math.isnan(number):
        return "uintBitsToFloat(0x7FC00000u)"
    if math.isinf(number):
        return f"uintBitsToFloat(0x{'7F' if number > 0 else 'FF'}800000u)"
    text = repr(number)
    return text if "." in text or "e" in text else f"{text}.0"
