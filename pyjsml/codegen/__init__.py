"""Compile: scheduled functions to WebAssembly modules, one per instruction set."""

from pyjsml.codegen.compile import compile
from pyjsml.codegen.settings import Settings

__all__ = ["Settings", "compile"]
