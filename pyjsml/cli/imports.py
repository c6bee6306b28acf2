"""What the command's process imports: torch only for those models that are torch's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class TorchNotForTvm(MetaPathFinder):
    """A finder that goes first, and tells TVM that torch is not there.

    TVM imports torch wherever it is installed, so as to take torch's tensors as arguments; pyjsml
    hands it none, and an ONNX model would wait a second for it. Whoever else imports torch gets it,
    and TVM's own front end for torch finds it imported.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for TVM, leave all else to the finders after this one."""
        if fullname == "torch" and _importer().split(".")[0] in ("tvm", "tvm_ffi"):
            raise ModuleNotFoundError("TVM does without torch here", name=fullname)
        return None


def _importer() -> str:
    """Return the name of the module whose `import` statement is being run."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals["__name__"].startswith("importlib."):
        frame = frame.f_back
    return str(frame.f_globals["__name__"])
