"""What all engines, and all sessions, have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyjsml.engines.protocol import Measurement
from pyjsml.engines.wire import as_tensors
from pyjsml.errors import EngineUnavailableError, OptionError, StateError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.bundle import Bundle
    from pyjsml.engines.protocol import Session
    from pyjsml.program import Array, Isa

    Results = tuple[dict[str, Array], dict[str, Array]]


class BaseEngine(ABC):
    """An engine that says what it lacks and how to make a session."""

    name: str
    threaded = False
    """Whether its sessions can share kernels between threads."""

    def available(self) -> str | None:
        """Return None where the engine can be used, else a sentence on how to get it."""
        return self._lack()

    def open(self, bundle: Bundle, *, isa: Isa | None = None, threads: int = 1) -> Session:
        """Load `bundle`; see `Engine.open`."""
        if threads < 1:
            raise OptionError(f"the number of threads is {threads}; it is 1 or more")
        if threads > 1 and not self.threaded:
            raise OptionError(f"the engine {self.name} has one thread; node and chromium have more")
        if lack := self._lack():
            raise EngineUnavailableError(lack)
        return self._session(bundle, isa, threads)

    @abstractmethod
    def _lack(self) -> str | None:
        """Return what is missing and how to get it, None where nothing is."""

    @abstractmethod
    def _session(self, bundle: Bundle, isa: Isa | None, threads: int) -> Session:
        """Open a session where nothing is missing; `threads` is 1 unless `threaded`."""


class BaseSession(ABC):
    """A session that an engine makes by saying how to run once and how to free what it holds."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        self._dtypes = {port["name"]: port["dtype"] for port in model["inputs"]}
        self._outputs = [port["name"] for port in model["outputs"]]
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
        return Measurement(**self._measure(self._checked(inputs), rounds))

    def close(self) -> None:
        """Free what the session holds; further calls do nothing."""
        if not self._closed:
            self._closed = True
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _checked_run(self, inputs: Mapping[str, ArrayLike], capture: list[str]) -> Results:
        return self._run(self._checked(inputs), capture)

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
