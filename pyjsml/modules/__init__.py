"""JavaScript and TypeScript modules of the user's own, as each host wants them.

Every host gets what the same reader made of the same files: it refuses what one of the hosts could
not run, so a file that runs in one runs in all.
"""

from __future__ import annotations

from pyjsml.modules.declarations import declare
from pyjsml.modules.graph import Modules, read_modules

__all__ = ["Modules", "declare", "read_modules"]
