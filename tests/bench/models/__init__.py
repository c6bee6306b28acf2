"""Plain torch modules for the bench; `catalogue.py` is their table."""

from __future__ import annotations
