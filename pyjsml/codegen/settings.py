"""What a user may choose of how kernels are compiled."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from pyjsml.cache import ObjectCache
from pyjsml.kernels.database import Database


def available_cores() -> int:
    """Return how many cores this process may use, which a container may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """At most `jobs` processes compile at a time; what they make is kept in `cache`, if any.

    The bytes depend on neither, but on what has been `tuned`.
    """

    jobs: int = field(default_factory=available_cores)
    cache: ObjectCache | None = None
    tuned: Database = field(default_factory=Database.shipped)
