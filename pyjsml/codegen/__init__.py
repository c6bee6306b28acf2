"""Compile: scheduled functions to WebAssembly modules, one per instruction set."""

from pyjsml.codegen.compile import compile
from pyjsml.codegen.settings import Settings, available_cores

__all__ = ["Settings", "available_cores", "compile"]
