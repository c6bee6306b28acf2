"""Optional packages: found, or asked for by the name of the extra that brings them."""

from __future__ import annotations

import importlib
from types import ModuleType

from pyjsml.errors import EngineUnavailableError

_EXTRAS = {"onnx": "onnx", "onnxscript": "onnx", "torch": "torch", "onnxruntime": "check"}


def require(package: str) -> ModuleType:
    """Import `package`; raise EngineUnavailableError naming its extra if it is not installed."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise EngineUnavailableError(
            f"This model needs the Python package {package}: "
            f"pip install 'pyjsml[{_EXTRAS[package]}]'"
        ) from error
