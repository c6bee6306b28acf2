"""What all engines, and all sessions, have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from pyjsml.engines.files import CUSTOM_SCRIPT
from pyjsml.engines.precision import check_precision
from pyjsml.engines.protocol import Measurement, SessionOptions
from pyjsml.engines.wire import as_tensors
from pyjsml.errors import (
    EngineError,
    EngineUnavailableError,
    ExecutorError,
    OptionError,
    StateError,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.bundle import Bundle
    from pyjsml.engines.precision import Precision
    from pyjsml.engines.protocol import Dispatch, Session
    from pyjsml.modules import Modules
    from pyjsml.program import Array, Isa

    Results = tuple[dict[str, Array], dict[str, Array]]


class BaseEngine(ABC):
    """An engine that says what it lacks and how to make a session."""

    name: str
    threaded = False
    """Whether its sessions can share kernels between threads."""

    devices: tuple[str, ...] = ("wasm",)
    """Where its sessions can run ops."""

    calls_python = False
    """Whether a Python function may be called around its ops."""

    def available(self) -> str | None:
        """Return None where the engine can be used, else a sentence on how to get it."""
        return self._lack()

    def open(
        self,
        bundle: Bundle,
        *,
        isa: Isa | None = None,
        threads: int = 1,
        device: str = "wasm",
        precision: Precision = "float32",
        modules: Modules | None = None,
        dispatch: Dispatch | None = None,
    ) -> Session:
        """Load `bundle`; see `Engine.open`."""
        if threads < 1:
            raise OptionError(f"the number of threads is {threads}; it is 1 or more")
        if threads > 1 and not self.threaded:
            raise OptionError(
                f"the engine {self.name} has one thread; node, chromium and firefox have more"
            )
        if dispatch is not None and not self.calls_python:
            raise OptionError(
                f"the engine {self.name} can't call Python in the middle of a run, so it has no "
                "dispatch of Python's; pythonmonkey has"
            )
        check_precision(precision, device)
        if device not in self.devices:
            raise EngineUnavailableError(
                f"the engine {self.name} has no {device}; chromium and firefox have"
            )
        if lack := self._lack():
            raise EngineUnavailableError(lack)
        with blaming(modules is not None or CUSTOM_SCRIPT in bundle.files):
            return self._session(
                bundle, SessionOptions(isa, threads, device, precision, modules, dispatch)
            )

    @abstractmethod
    def _lack(self) -> str | None:
        """Return what is missing and how to get it, None where nothing is."""

    @abstractmethod
    def _session(self, bundle: Bundle, options: SessionOptions) -> Session:
        """Open a session where nothing is missing; `options` ask for no more than there is."""


class BaseSession(ABC):
    """A session that an engine makes by saying how to run once and how to free what it holds."""

    def __init__(self, bundle: Bundle, options: SessionOptions) -> None:
        model = bundle.model
        self._dtypes = {port["name"]: port["dtype"] for port in model["inputs"]}
        self._outputs = [port["name"] for port in model["outputs"]]
        self._custom = options.modules is not None or CUSTOM_SCRIPT in bundle.files
        self._closed = False

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run the model; return its outputs by name."""
        return self._checked_run(inputs, [])[0]

    def capture(
        self, inputs: Mapping[str, ArrayLike], names: Sequence[str]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Run the model; return its outputs, and the values of the graph called `names`."""
        return self._checked_run(inputs, list(names))

    def measure(self, inputs: Mapping[str, ArrayLike], rounds: int) -> Measurement:
        """Time runs inside the engine."""
        tensors = self._checked(inputs)
        with blaming(self._custom):
            return Measurement(**self._measure(tensors, rounds))

    def read(self, name: str) -> Array:
        """Return a tensor of the run under way; an engine that can't call Python has none."""
        raise StateError(f"{name} is out of reach: no run is under way")

    def write(self, name: str, tensor: ArrayLike) -> None:
        """Put `tensor` in the place of one of the run under way, as for `read`."""
        raise StateError(f"{name} is out of reach: no run is under way")

    def close(self) -> None:
        """Free what the session holds; further calls do nothing."""
        if not self._closed:
            self._closed = True
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked_run(self, inputs: Mapping[str, ArrayLike], capture: list[str]) -> Results:
        tensors = self._checked(inputs)
        with blaming(self._custom):
            return self._run(tensors, capture)

    def _checked(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        if self._closed:
            raise StateError("the session is closed; open another")
        return as_tensors(inputs, self._dtypes)

    @abstractmethod
    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        """Run once; `capture` lists the values to return besides the outputs."""

    @abstractmethod
    def _measure(self, tensors: dict[str, Array], rounds: int) -> dict[str, Any]:
        """Time `rounds` samples; return what `harness/timing.js` gives."""

    @abstractmethod
    def _free(self) -> None:
        """Free what the session holds; called once."""


@contextmanager
def blaming(custom: bool) -> Iterator[None]:
    """Where there is a `custom` executor, raise an error without a class of ours as its own."""
    try:
        yield
    except EngineError as error:
        if not custom:
            raise
        raise ExecutorError(f"the executor has failed: {error}") from error
