"""V8, Chrome's and Node's engine, inside the Python process: the PyPI package `mini-racer`."""

from __future__ import annotations

import json
import weakref
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pyjsml.engines.base import BaseEngine
from pyjsml.engines.embedded import EmbeddedSession, sources
from pyjsml.engines.wire import to_engine_error

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.dispatch import Dispatcher
    from pyjsml.engines.protocol import SessionOptions

FLAGS = ("--single-threaded", "--no-liftoff")
"""On one thread V8 never gets past Liftoff, its baseline compiler; without it, it optimises."""


class V8Engine(BaseEngine):
    """Runs bundles in V8, in process; each session has an isolate to itself."""

    name = "v8"

    def _lack(self) -> str | None:
        if find_spec("py_mini_racer") is None:
            return "mini-racer, which holds V8, is not installed: pip install 'pyjsml[v8]'"
        return None

    def _session(self, bundle: Bundle, options: SessionOptions) -> V8Session:
        return V8Session(bundle, options)


class V8Session(EmbeddedSession):
    """A bundle in an isolate."""

    def __init__(self, bundle: Bundle, options: SessionOptions) -> None:
        super().__init__(bundle, options)
        import py_mini_racer

        scripts = sources(bundle, options.modules)
        # Flags count only before the first isolate; whoever made one earlier keeps theirs.
        py_mini_racer.init_mini_racer(flags=FLAGS, ignore_duplicate_init=True)
        self._errors = py_mini_racer.JSEvalException
        self._context = py_mini_racer.MiniRacer()
        # Python can't end while an isolate is open, and not everybody closes their sessions.
        self._close_context = weakref.finalize(self, self._context.close)
        try:
            for source in scripts:
                # The value of a script may be an object, which would cost a wrapper.
                self._eval(source + "\n;undefined")
            self._load(bundle, options)
        except BaseException:
            self.close()
            raise

    def _call_reserve(self, name: str, size: int) -> memoryview:
        buffer: memoryview = self._eval(f"pyjsmlSession.reserve({json.dumps(name)}, {size})")
        return buffer

    def _call_create(self, isa: str, dispatcher: Dispatcher | None) -> str:
        failure: str = self._eval(f"pyjsmlSession.create({json.dumps(isa)})")
        return failure

    def _call_run(self, size: int, names: str) -> memoryview | str:
        result = self._eval(f"pyjsmlSession.run({size}, {json.dumps(names)})")
        # Where hooks wait it is a promise.
        given: memoryview | str = result.get() if hasattr(result, "get") else result
        return given

    def _call_measure(self, size: int, rounds: int) -> str:
        found: str = self._eval(f"pyjsmlSession.measure({size}, {rounds})")
        return found

    def _close(self) -> None:
        self._close_context()

    def _eval(self, source: str) -> Any:
        # To evaluate a short source takes half as long as to call a function that Python holds.
        try:
            return self._context.eval(source)
        except self._errors as error:
            raise to_engine_error(str(error)) from None
