"""Why a function has no shader."""

from __future__ import annotations


class NoShaderError(Exception):
    """What a function does that shaders can't; its op stays on WebAssembly."""
