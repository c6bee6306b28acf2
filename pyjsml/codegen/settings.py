"""What a user may choose of how kernels are compiled. The bytes do not depend on it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from pyjsml.cache import ObjectCache


@dataclass(frozen=True)
class Settings:
    """At most `jobs` processes compile at a time; what they make is kept in `cache`, if any."""

    jobs: int = field(default_factory=lambda: available_cores())
    cache: ObjectCache | None = None


def available_cores() -> int:
    """Return how many cores this process may use, which a container may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
