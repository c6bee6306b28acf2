"""PythonMonkey: SpiderMonkey, Firefox's engine, inside the Python process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from safetensors.numpy import load

from pyjsml.engines.base import BaseEngine
from pyjsml.engines.embedded import EmbeddedSession, sources
from pyjsml.engines.wire import as_tensors, to_engine_error, to_error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.bundle import Bundle
    from pyjsml.engines.dispatch import Dispatcher
    from pyjsml.engines.protocol import SessionOptions
    from pyjsml.program import Array


class PythonMonkeyEngine(BaseEngine):
    """Runs bundles in PythonMonkey, in process: the quickest way from numpy to numpy.

    SpiderMonkey belongs to the thread that imported `pythonmonkey`; elsewhere opening a session
    raises EngineError.
    """

    name = "pythonmonkey"
    calls_python = True

    def _lack(self) -> str | None:
        if find_spec("pythonmonkey") is None:
            return "PythonMonkey is not installed: pip install pythonmonkey"
        return None

    def _session(self, bundle: Bundle, options: SessionOptions) -> PythonMonkeySession:
        return PythonMonkeySession(bundle, options)


class PythonMonkeySession(EmbeddedSession):
    """A bundle in the process's one SpiderMonkey.

    All sessions share one global object. The scripts of each run in a function of their own, where
    `globalThis` is an object of their own that inherits from it; so no session sees another's.

    No Python buffer is handed to JavaScript, though that would save a copy: PythonMonkey 1.4 never
    lets go of one. Neither does it of what it queues for promises: a run whose hooks wait leaves
    some kilobytes behind.
    """

    def __init__(self, bundle: Bundle, options: SessionOptions) -> None:
        super().__init__(bundle, options)
        import pythonmonkey

        self._engine: Any = pythonmonkey
        body = "\n".join(sources(bundle, options.modules))
        # To evaluate an expression makes no global names, and its value is what it returns.
        functions = self._guard(
            pythonmonkey.eval,
            f"((globalThis) => {{{body}\nreturn globalThis.pyjsmlSession; }})"
            "(Object.create(globalThis))",
        )
        # A function that is fetched once and kept is called three times as fast. These also keep
        # alive the memory of which Python has views.
        names = ("reserve", "create", "waits", "run", "read", "write", "measure", "close")
        self._functions = {name: functions[name] for name in names}
        self._load(bundle, options)
        self._loop = asyncio.new_event_loop() if self._guard(self._functions["waits"]) else None

    def read(self, name: str) -> Array:
        """Return a tensor of the run under way."""
        found: memoryview | str = self._guard(self._functions["read"], name)
        if isinstance(found, str):
            raise to_error(json.loads(found)["error"])
        return load(bytes(found))["tensor"]

    def write(self, name: str, tensor: ArrayLike) -> None:
        """Put `tensor` in the place of one of the run under way."""
        size = self._put(as_tensors({"tensor": tensor}))
        if failure := self._guard(self._functions["write"], name, size):
            raise to_error(json.loads(failure)["error"])

    def _call_reserve(self, name: str, size: int) -> memoryview:
        buffer: memoryview = self._guard(self._functions["reserve"], name, size)
        return buffer

    def _call_create(self, isa: str, dispatcher: Dispatcher | None) -> str:
        # PythonMonkey takes no object that can be called for a function.
        dispatch = dispatcher.__call__ if dispatcher else None
        failure: str = self._guard(self._functions["create"], isa, dispatch)
        return failure

    def _call_run(self, size: int, names: str) -> memoryview | str:
        run = self._functions["run"] if self._loop is None else self._run_waiting
        result: memoryview | str = self._guard(run, size, names)
        return result

    def _run_waiting(self, size: int, names: str) -> memoryview | str:
        """Run where hooks wait, which takes an event loop; PythonMonkey wants one of asyncio's."""
        assert self._loop is not None

        async def run() -> memoryview | str:
            result: memoryview | str = await self._functions["run"](size, names)
            return result

        # A notebook's own loop, in which this may be called, stands still meanwhile.
        outer = asyncio.events._get_running_loop()
        asyncio.events._set_running_loop(None)
        try:
            return self._loop.run_until_complete(run())
        finally:
            asyncio.events._set_running_loop(outer)

    def _call_measure(self, size: int, rounds: int) -> str:
        found: str = self._guard(self._functions["measure"], size, rounds)
        return found

    def _close(self) -> None:
        self._guard(self._functions["close"])
        if self._loop is not None:
            self._loop.close()
        # A model's memory lies outside of SpiderMonkey's heap, and only the heap's growth starts a
        # collection.
        self._engine.collect()

    def _guard(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call into JavaScript; raise EngineError for what no harness has caught."""
        try:
            return function(*arguments)
        except self._engine.SpiderMonkeyError as error:
            text = str(error)
            # What SpiderMonkey makes of a thread that is not its own, whose stack it does not know.
            if "too much recursion" in text:
                text = text.rstrip() + " (it works only on the thread that first imported it)"
            raise to_engine_error(text) from None
