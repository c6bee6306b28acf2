"""Every error that pyjsml raises on purpose. A message says what is wrong, where, and what to do.

`UserError` and its children mean that the user's input is at fault: the CLI exits with code 2.
The runtime (js/src/errors.ts) uses the same class names, so that an error keeps its type when it
crosses from an engine into Python.
"""

from __future__ import annotations

from collections.abc import Sequence


class PyjsmlError(Exception):
    """The base of every error of this package."""


class UserError(PyjsmlError):
    """Something that the user gave is at fault."""


class ProblemsError(UserError):
    """A user error that lists every problem at once."""

    def __init__(self, summary: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  - ".join((summary, *self.problems)))


class ModelError(UserError):
    """The model can't be read: no such file, truncated, corrupt, or of an unknown kind."""


class UnsafeModelError(ModelError):
    """Reading the model would run code that it carries (a pickled nn.Module)."""


class UnsupportedOpError(ProblemsError):
    """The model uses operators that pyjsml can't compile; `problems` has one entry per operator."""


class OptionError(ProblemsError):
    """An option of the command line or of the Python API is malformed or does not fit the model."""


class InputError(ProblemsError):
    """An input of a run is missing, misnamed, or of the wrong dtype or shape."""


class VectorsError(ProblemsError):
    """Test vectors can't be read, or do not fit the model: names missing or unknown."""


class OutputDirectoryError(UserError):
    """The output directory holds something that is not a bundle, or can't be written."""


class BundleError(UserError):
    """A directory is not a bundle, or a file of it is missing or malformed."""


class LoadError(BundleError):
    """An engine can't read a file of a bundle."""


class DigestError(BundleError):
    """A file's bytes are not those that the manifest promises."""


class FormatVersionError(BundleError):
    """The bundle was written in a format version that this pyjsml does not read."""


class ExecutorError(ProblemsError):
    """The user's own executor can't be read, is none, or has failed."""


class PlacementError(ProblemsError):
    """Ops can't run where an executor's `place` put them."""


class StateError(UserError):
    """An executor can't do this now: it is closed or busy, or a hook of it broke its promise."""


class CompileError(PyjsmlError):
    """A kernel can't be compiled though its operators are known; the message has the ops it is of.

    It is a defect of pyjsml or of TVM, never of the user's model.
    """


class EngineUnavailableError(UserError):
    """An engine, browser or tool is not on this machine; the message says how to get it."""


class EngineError(PyjsmlError):
    """An error inside an engine that has no class here; `type` is its JavaScript name."""

    def __init__(self, type: str, message: str) -> None:
        self.type = type
        super().__init__(f"{type}: {message}")


class KernelError(PyjsmlError):
    """An op failed while it ran in an engine; the message names it and where it comes from."""


class OutOfMemoryError(PyjsmlError):
    """An engine refuses the memory that a run needs."""


class DeviceError(PyjsmlError):
    """A device can't be had in an engine, or can't do what is asked of it."""


class DeviceLostError(DeviceError):
    """What was on a device is gone: the browser took its context away."""


class ShaderError(DeviceError):
    """A driver rejects shaders; the message has each op and what the driver says."""


class WorkerError(PyjsmlError):
    """A thread of an executor did not start in its engine, or has died."""


class DeadlockError(PyjsmlError):
    """Owners of accelerators would wait for each other forever; the message names each of them."""


class ResourceError(PyjsmlError):
    """A file of pyjsml's own installation is missing; the message says how to restore it."""


class VerifierError(PyjsmlError):
    """A stage handed on a malformed program: a defect of pyjsml, never of the user's model."""
