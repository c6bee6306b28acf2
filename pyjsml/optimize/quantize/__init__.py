"""Quantised models: integer arithmetic wherever dequantised values are multiplied."""

from pyjsml.optimize.quantize.integers import multiply_integers
from pyjsml.optimize.quantize.legalize import LEGALIZE

__all__ = ["LEGALIZE", "multiply_integers"]
