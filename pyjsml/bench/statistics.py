"""What is said of a list of times."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Milliseconds per run: the median, the quartiles around it, and the least."""

    median: float
    low: float
    high: float
    least: float
    rounds: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Times:
        """Summarise `samples`, of which there is at least one."""
        low = high = samples[0]
        if len(samples) > 1:
            low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(statistics.median(samples), low, high, min(samples), len(samples))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return statistics.geometric_mean(values)
