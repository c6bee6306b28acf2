"""Source lines out of the stack traces that torch keeps with every node."""

from __future__ import annotations

import re
from pathlib import PurePath

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def innermost(trace: str) -> str:
    """Return the last frame of `trace` that is the user's own, as `model.py:12`, or nothing.

    Frames inside torch (a Linear's own forward), and of code made up at run time, say nothing about
    the user's code.
    """
    for match in reversed(list(_FRAME.finditer(trace))):
        path = PurePath(match["file"])
        if "torch" not in path.parts and not path.name.startswith("<"):
            return f"{path.name}:{match['line']}"
    return ""
