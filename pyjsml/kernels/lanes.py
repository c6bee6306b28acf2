"""The vectors of WebAssembly."""

from __future__ import annotations

LANES = 4
"""32-bit elements of a vector, floats or integers."""
