"""What engines inside the Python process share; `harness/embedded.js` has the other half."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from pyjsml.engines.base import BaseSession
from pyjsml.engines.files import MODEL_SCRIPT, RUNTIME_SCRIPT, model_files, script
from pyjsml.engines.wire import decode, encode, harness, to_error

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.program import Array, Isa


def sources(bundle: Bundle) -> tuple[str, ...]:
    """Return the scripts to run, in order; the last defines `globalThis.pyjsmlSession`."""
    return (
        harness("report.js"),
        harness("timing.js"),
        script(bundle, RUNTIME_SCRIPT),
        script(bundle, MODEL_SCRIPT),
        harness("embedded.js"),
    )


class EmbeddedSession(BaseSession):
    """A session that calls the functions of `pyjsmlSession`, which an engine says how to do.

    The inputs are copied into a buffer that JavaScript owns, and the results out of another: a
    Python view of such a buffer does not keep it alive.
    """

    _inputs: memoryview | None = None

    def _load(self, bundle: Bundle, isa: Isa | None) -> None:
        """Load the model; called once the scripts have run."""
        for name, data in model_files(bundle):
            self._call_reserve(name, len(data))[:] = data
        if failure := self._call_create(isa or ""):
            raise to_error(json.loads(failure)["error"])

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        result = self._call_run(self._put(tensors), json.dumps(capture))
        if isinstance(result, str):
            raise to_error(json.loads(result)["error"])
        return decode(bytes(result), self._outputs, capture)

    def _measure(self, tensors: dict[str, Array], rounds: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._call_measure(self._put(tensors), rounds))
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
    def _call_create(self, isa: str) -> str:
        """Call `create`."""

    @abstractmethod
    def _call_run(self, size: int, names: str) -> memoryview | str:
        """Call `run`."""

    @abstractmethod
    def _call_measure(self, size: int, rounds: int) -> str:
        """Call `measure`."""

    @abstractmethod
    def _close(self) -> None:
        """Free what the engine holds."""
