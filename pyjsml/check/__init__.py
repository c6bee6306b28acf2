"""Compare what a bundle computes, engine by engine, with what it should."""

from __future__ import annotations

from pyjsml.check.checker import Progress, check
from pyjsml.check.compare import Comparison, compare
from pyjsml.check.locate import Reference
from pyjsml.check.report import Divergence, Report, Row
from pyjsml.check.tolerance import Tolerance, tolerance

__all__ = [
    "Comparison",
    "Divergence",
    "Progress",
    "Reference",
    "Report",
    "Row",
    "Tolerance",
    "check",
    "compare",
    "tolerance",
]
