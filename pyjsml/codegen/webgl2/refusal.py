"""Why a function has no shader."""

from __future__ import annotations

FAILED = "the generator of shaders failed"
"""How the reason begins where no limit of WebGL2 is at fault but a mistake of this package."""


class NoShaderError(Exception):
    """What a function does that shaders can't; its op stays on WebAssembly."""


def failed(error: Exception) -> str:
    """Return the reason of a function on which the generator raised `error`."""
    said = " ".join(str(error).split())
    return f"{FAILED} ({type(error).__name__}: {said}); please report this"
