"""V8, Chrome's and Node's engine, inside the Python process: the PyPI package `mini-racer`."""

from __future__ import annotations

import json
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
        self._inputs: memoryview = memoryview(b"")
        try:
            for source in sources:
                # The value of a script may be an object, which would cost a wrapper.
                self._eval(source + "\n;undefined")
            for name, data in model_files(bundle):
                self._reserve(name, len(data))[:] = data
            self._reply("create", isa or "")
        except BaseException:
            self._context.close()
            raise

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        payload = encode(tensors)
        if len(payload) > len(self._inputs):
            self._inputs = self._reserve("inputs", len(payload))
        self._inputs[: len(payload)] = payload
        self._reply("run", len(payload), capture)
        return decode(bytes(self._eval("pyjsmlSession.result")), self._outputs, capture)

    def _free(self) -> None:
        # The view is of the isolate's memory, and must not outlive it.
        self._inputs = memoryview(b"")
        self._context.close()

    def _reserve(self, name: str, size: int) -> memoryview:
        buffer: memoryview = self._eval(f"pyjsmlSession.reserve({json.dumps(name)}, {size})")
        return buffer

    def _reply(self, method: str, *arguments: Any) -> None:
        listed = ", ".join(json.dumps(argument) for argument in arguments)
        reply = json.loads(self._eval(f"pyjsmlSession.{method}({listed})"))
        if "error" in reply:
            raise to_error(reply["error"])

    def _eval(self, source: str) -> Any:
        # To evaluate a short source takes half as long as to call a function that Python holds.
        try:
            return self._context.eval(source)
        except self._errors as error:
            raise to_engine_error(str(error)) from None
