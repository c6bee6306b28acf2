"""What engines inside the Python process share; `harness/embedded.js` has the other half."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from pyjsml.engines.base import BaseSession
from pyjsml.engines.dispatch import Dispatcher
from pyjsml.engines.files import (
    CUSTOM_SCRIPT,
    MODEL_SCRIPT,
    RUNTIME_SCRIPT,
    model_files,
    script,
)
from pyjsml.engines.wire import decode, encode, harness, to_error

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.engines.protocol import SessionOptions
    from pyjsml.modules import Modules
    from pyjsml.program import Array


def sources(bundle: Bundle, modules: Modules | None) -> tuple[str, ...]:
    """Return the scripts to run, in order; the last defines `globalThis.pyjsmlSession`."""
    custom: tuple[str, ...] = ()
    if modules is not None:
        custom = (f"globalThis.pyjsmlExecutor = {modules.script};",)
    elif CUSTOM_SCRIPT in bundle.files:
        custom = (script(bundle, CUSTOM_SCRIPT),)
    return (
        harness("report.js"),
        harness("timing.js"),
        script(bundle, RUNTIME_SCRIPT),
        script(bundle, MODEL_SCRIPT),
        *custom,
        harness("embedded.js"),
    )


class EmbeddedSession(BaseSession):
    """A session that calls the functions of `pyjsmlSession`, which an engine says how to do.

    The inputs are copied into a buffer that JavaScript owns, and the results out of another: a
    Python view of such a buffer does not keep it alive.
    """

    _inputs: memoryview | None = None
    _dispatcher: Dispatcher | None = None

    def _load(self, bundle: Bundle, options: SessionOptions) -> None:
        """Load the model; called once the scripts have run."""
        for name, data in model_files(bundle):
            self._call_reserve(name, len(data))[:] = data
        if options.dispatch is not None:
            self._dispatcher = Dispatcher(options.dispatch)
        if failure := self._call_create(options.isa or "", self._dispatcher):
            raise to_error(json.loads(failure)["error"])

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        result = self._call_run(self._put(tensors), json.dumps(capture))
        if self._dispatcher is not None:
            self._dispatcher.check()
        if isinstance(result, str):
            raise to_error(json.loads(result)["error"])
        return decode(bytes(result), self._outputs, capture)

    def _measure(self, tensors: dict[str, Array], rounds: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._call_measure(self._put(tensors), rounds))
        if self._dispatcher is not None:
            self._dispatcher.check()
        if "error" in found:
            raise to_error(found["error"])
        return found

    def _put(self, tensors: dict[str, Array]) -> int:
        """Write the inputs where JavaScript finds them; return how many bytes they are."""
        payload = encode(tensors)
        if self._inputs is None or len(payload) > len(self._inputs):
            self._inputs = self._call_reserve("inputs", len(payload))
        self._inputs[: len(payload)] = payload
        return len(payload)

    def _free(self) -> None:
        # The view is of memory that is about to go.
        self._inputs = None
        self._close()

    @abstractmethod
    def _call_reserve(self, name: str, size: int) -> memoryview:
        """Call `reserve`."""

    @abstractmethod
    def _call_create(self, isa: str, dispatcher: Dispatcher | None) -> str:
        """Call `create`; there is a `dispatcher` only where the engine calls Python."""

    @abstractmethod
    def _call_run(self, size: int, names: str) -> memoryview | str:
        """Call `run`, and wait where it does."""

    @abstractmethod
    def _call_measure(self, size: int, rounds: int) -> str:
        """Call `measure`."""

    @abstractmethod
    def _close(self) -> None:
        """Free what the engine holds."""
