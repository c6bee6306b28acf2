"""Turn PyTorch and ONNX models into typed npm packages that run wherever JavaScript runs.

Nothing heavy is imported before it is used: `import pyjsml` loads neither TVM, torch nor jinja2.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyjsml.api import bundle, check
    from pyjsml.bundle import Bundle
    from pyjsml.errors import PyjsmlError, UserError
    from pyjsml.executor import Executor

__version__ = "0.1.0"

__all__ = ["Bundle", "Executor", "PyjsmlError", "UserError", "__version__", "bundle", "check"]

_HOMES = {
    "Bundle": "pyjsml.bundle",
    "Executor": "pyjsml.executor",
    "PyjsmlError": "pyjsml.errors",
    "UserError": "pyjsml.errors",
    "bundle": "pyjsml.api",
    "check": "pyjsml.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pyjsml' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps `pyjsml.bundle` and `pyjsml.check` functions though submodules share their names.

    Importing a submodule sets it as an attribute of its package; here a public name wins.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
