"""PythonMonkey: SpiderMonkey, Firefox's engine, inside the Python process."""

from __future__ import annotations

import json
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pyjsml.engines.base import BaseEngine, BaseSession
from pyjsml.engines.files import MODEL_SCRIPT, RUNTIME_SCRIPT, model_files, script
from pyjsml.engines.wire import harness, to_engine_error, to_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.program import Array, Isa

T = TypeVar("T")


class PythonMonkeyEngine(BaseEngine):
    """Runs bundles in PythonMonkey, in process: the quickest way from numpy to numpy.

    SpiderMonkey belongs to the thread that imported `pythonmonkey`; elsewhere opening a session
    raises EngineError.
    """

    name = "pythonmonkey"

    def _lack(self) -> str | None:
        if find_spec("pythonmonkey") is None:
            return "PythonMonkey is not installed: pip install pythonmonkey"
        return None

    def _session(self, bundle: Bundle, isa: Isa | None) -> PythonMonkeySession:
        return PythonMonkeySession(bundle, isa)


class PythonMonkeySession(BaseSession):
    """A bundle in the process's one SpiderMonkey.

    All sessions share one global object. The scripts of each run in a function of their own, where
    `globalThis` is an object of their own that inherits from it; so no session sees another's.
    """

    def __init__(self, bundle: Bundle, isa: Isa | None) -> None:
        super().__init__(bundle.model)
        import pythonmonkey

        self._engine: ModuleType = pythonmonkey
        functions = self._guard(lambda: pythonmonkey.eval(_source(bundle)))
        # A function that is fetched once and kept is called three times as fast.
        self._js_run: Callable[..., str] = functions["run"]
        self._js_take: Callable[[int], memoryview] = functions["take"]
        self._js_release: Callable[[], None] = functions["release"]
        self._js_close: Callable[[], None] = functions["close"]
        files = dict(model_files(bundle))
        # A JS typed array is made only of a writable buffer, which bytes are not.
        arrays = [bytearray(data) for data in files.values()]
        self._reply(functions["create"], isa or "", json.dumps(list(files)), *arrays)

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        request = {
            "tensors": [(name, a.dtype.name, a.shape) for name, a in tensors.items()],
            "capture": capture,
        }
        arrays = [_shareable(array) for array in tensors.values()]
        reply = self._reply(self._js_run, json.dumps(request), *arrays)
        described = [*reply["outputs"], *reply["captured"]]
        results = [
            self._copy(index, dtype, shape) for index, (_, dtype, shape) in enumerate(described)
        ]
        self._js_release()
        count = len(reply["outputs"])
        named = [(name, array) for (name, _, _), array in zip(described, results, strict=True)]
        outputs, captured = dict(named[:count]), dict(named[count:])
        return {name: outputs[name] for name in self._outputs}, {
            name: captured[name] for name in capture
        }

    def _copy(self, index: int, dtype: str, shape: list[int]) -> Array:
        """Copy a result: a view of it would not keep the JavaScript array alive that it is of."""
        data: Array = np.frombuffer(self._js_take(index), dtype).reshape(shape).copy()
        return data

    def _free(self) -> None:
        self._guard(self._js_close)
        # A model's memory lies outside of SpiderMonkey's heap, and only the heap's growth starts a
        # collection.
        self._engine.collect()

    def _reply(self, function: Callable[..., str], *arguments: Any) -> dict[str, Any]:
        reply: dict[str, Any] = json.loads(self._guard(lambda: function(*arguments)))
        if "error" in reply:
            raise to_error(reply["error"])
        return reply

    def _guard(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except self._engine.SpiderMonkeyError as error:
            text = str(error)
            # What SpiderMonkey makes of a thread that is not its own, whose stack it does not know.
            if "too much recursion" in text:
                text = text.rstrip() + " (it works only on the thread that first imported it)"
            raise to_engine_error(text) from None


def _source(bundle: Bundle) -> str:
    """Return an expression that runs the bundle's scripts; its value is the harness's session."""
    return "\n".join(
        (
            "((globalThis) => {",
            harness("report.js"),
            script(bundle, RUNTIME_SCRIPT),
            script(bundle, MODEL_SCRIPT),
            harness("pythonmonkey.js"),
            "return globalThis.pyjsmlSession; })(Object.create(globalThis))",
        )
    )


def _shareable(array: Array) -> Array:
    """Return the elements as a flat, writable array: only of such is a JS typed array made."""
    flat = array.reshape(-1)
    return flat if flat.flags.writeable else flat.copy()
