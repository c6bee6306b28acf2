"""The reader of modules, which is JavaScript (`js/modules`), in an engine inside this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Literal, Self

from pyjsml.errors import EngineError, EngineUnavailableError
from pyjsml.resources import resource_directory

Call = Callable[..., str]
Free = Callable[[], None]
Language = Literal["javascript", "typescript", "declarations"]
SCRIPT = "modules.script.js"
HOW_TO_GET = (
    "reading an executor's file takes PythonMonkey or mini-racer: pip install pythonmonkey, or "
    "pip install 'pyjsml[v8]'"
)


class Reader:
    """Calls the functions of `pyjsmlModules`, in PythonMonkey or else in mini-racer.

    Use it in a `with` statement: it takes some megabytes.
    """

    def __init__(self) -> None:
        source = (resource_directory("runtime") / SCRIPT).read_text("utf-8")
        self._call, self._free = _pythonmonkey(source) or _v8(source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._call
        self._free()

    def read(self, source: str, language: Language) -> dict[str, Any]:
        """Read a module: `{texts, imports, exports}`, or `{fault}`."""
        found: dict[str, Any] = json.loads(self._call("read", source, language))
        return found

    def bundle(self, modules: Mapping[str, str], entry: str) -> dict[str, Any]:
        """Make one script of modules: `{script}`, or `{fault, file}`."""
        found: dict[str, Any] = json.loads(self._call("bundle", json.dumps(modules), entry))
        return found


def _pythonmonkey(source: str) -> tuple[Call, Free] | None:
    """Return what calls the functions, None where SpiderMonkey is not here or not this thread's."""
    if find_spec("pythonmonkey") is None:
        return None
    import pythonmonkey

    try:
        # An object of its own stands in for the global one, on which nothing is left behind.
        functions = pythonmonkey.eval(
            f"((globalThis) => {{{source}\nreturn globalThis.pyjsmlModules; }})"
            "(Object.create(globalThis))"
        )
    except pythonmonkey.SpiderMonkeyError:
        return None
    calls: dict[str, Call] = {name: functions[name] for name in ("read", "bundle")}
    # What lies outside of SpiderMonkey's heap starts no collection.
    return lambda name, *arguments: calls[name](*arguments), pythonmonkey.collect


def _v8(source: str) -> tuple[Call, Free]:
    if find_spec("py_mini_racer") is None:
        raise EngineUnavailableError(HOW_TO_GET)
    import py_mini_racer

    context = py_mini_racer.MiniRacer()
    context.eval(source + "\n;undefined")

    def call(name: str, *arguments: str) -> str:
        try:
            answer: str = context.eval(
                f"pyjsmlModules.{name}({', '.join(map(json.dumps, arguments))})"
            )
        except py_mini_racer.JSEvalException as error:
            raise EngineError("JSEvalException", str(error)) from None
        return answer

    return call, context.close
