"""V8, Chrome's and Node's engine, inside the Python process: the PyPI package `mini-racer`."""

from __future__ import annotations

import json
import weakref
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pyjsml.engines.base import BaseEngine, BaseSession
from pyjsml.engines.files import MODEL_SCRIPT, RUNTIME_SCRIPT, model_files, script
from pyjsml.engines.wire import decode, encode, harness, to_engine_error, to_error

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.program import Array, Isa

FLAGS = ("--single-threaded", "--no-liftoff")
"""On one thread V8 never gets past Liftoff, its baseline compiler; without it, it optimises."""


class V8Engine(BaseEngine):
    """Runs bundles in V8, in process; each session has an isolate to itself."""

    name = "v8"

    def _lack(self) -> str | None:
        if find_spec("py_mini_racer") is None:
            return "mini-racer, which holds V8, is not installed: pip install 'pyjsml[v8]'"
        return None

    def _session(self, bundle: Bundle, isa: Isa | None) -> V8Session:
        return V8Session(bundle, isa)


class V8Session(BaseSession):
    """A bundle in an isolate."""

    def __init__(self, bundle: Bundle, isa: Isa | None) -> None:
        super().__init__(bundle.model)
        import py_mini_racer

        sources = (
            harness("report.js"),
            script(bundle, RUNTIME_SCRIPT),
            script(bundle, MODEL_SCRIPT),
            harness("v8.js"),
        )
        # Flags count only before the first isolate; whoever made one earlier keeps theirs.
        py_mini_racer.init_mini_racer(flags=FLAGS, ignore_duplicate_init=True)
        self._errors = py_mini_racer.JSEvalException
        self._context = py_mini_racer.MiniRacer()
        # Python can't end while an isolate is open, and not everybody closes their sessions.
        self._close_context = weakref.finalize(self, self._context.close)
        self._inputs: memoryview = memoryview(b"")
        try:
            for source in sources:
                # The value of a script may be an object, which would cost a wrapper.
                self._eval(source + "\n;undefined")
            for name, data in model_files(bundle):
                self._reserve(name, len(data))[:] = data
            self._call("create", isa or "")
        except BaseException:
            self._close_context()
            raise

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        payload = encode(tensors)
        if len(payload) > len(self._inputs):
            self._inputs = self._reserve("inputs", len(payload))
        self._inputs[: len(payload)] = payload
        return decode(bytes(self._call("run", len(payload), capture)), self._outputs, capture)

    def _free(self) -> None:
        # The view is of the isolate's memory, and must not outlive it.
        self._inputs = memoryview(b"")
        self._close_context()

    def _reserve(self, name: str, size: int) -> memoryview:
        buffer: memoryview = self._eval(f"pyjsmlSession.reserve({json.dumps(name)}, {size})")
        return buffer

    def _call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the harness; raise what it says has failed, which it does as JSON."""
        listed = ", ".join(json.dumps(argument) for argument in arguments)
        # To evaluate a short source takes half as long as to call a function that Python holds.
        reply = self._eval(f"pyjsmlSession.{method}({listed})")
        if isinstance(reply, str) and reply:
            raise to_error(json.loads(reply)["error"])
        return reply

    def _eval(self, source: str) -> Any:
        try:
            return self._context.eval(source)
        except self._errors as error:
            raise to_engine_error(str(error)) from None
