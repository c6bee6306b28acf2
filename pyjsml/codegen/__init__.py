"""Compile: scheduled functions to WebAssembly modules, one per instruction set."""

from pyjsml.codegen.compile import compile

__all__ = ["compile"]
