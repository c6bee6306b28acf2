"""Engines as what tuning needs of them: to evaluate a script, and to time one."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import resources
from typing import Self

from pyjsml.engines import get_engine
from pyjsml.engines.chromium import system_browser
from pyjsml.engines.node import relaxed_simd_flags
from pyjsml.engines.site import Site
from pyjsml.engines.v8 import FLAGS
from pyjsml.errors import EngineError, EngineUnavailableError

ENGINES = ("chromium", "node", "v8")
"""The engines that kernels can be timed in. What is best in one is not always so in another: the
package that brings V8 into Python checks every address, where browsers let the system do so."""

OPTIMIZE = "--no-liftoff"
"""Without its baseline compiler V8 runs a kernel at full speed from the first call on."""


class Host(ABC):
    """An engine that runs. Use it in a `with` statement."""

    version: str
    """The engine's name and version, for the record."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    @abstractmethod
    def evaluate(self, source: str) -> str:
        """Return the value of a script, which is a string. Raise EngineError for what it throws."""

    def time(self, source: str) -> float:
        """Return how many seconds a script takes."""
        timed = f"const start = performance.now(); {source}; return performance.now() - start;"
        return float(self.evaluate(f"String((() => {{ {timed} }})())")) / 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class V8Host(Host):
    """V8 in this process, which has no clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        import py_mini_racer

        py_mini_racer.init_mini_racer(flags=FLAGS, ignore_duplicate_init=True)
        self._error = py_mini_racer.JSEvalException
        self._context = py_mini_racer.MiniRacer()
        self._stack.callback(self._context.close)
        self.version = f"v8 {self._context.v8_version}"

    def evaluate(self, source: str) -> str:
        """Return the value of a script."""
        try:
            return str(self._context.eval(source))
        except self._error as error:
            raise EngineError("JSEvalException", str(error)) from None

    def time(self, source: str) -> float:
        """Return how many seconds a script takes, and some microseconds more."""
        start = time.perf_counter()
        self.evaluate(f"{source}; 0")
        return time.perf_counter() - start


class NodeHost(Host):
    """A Node process."""

    def __init__(self) -> None:
        super().__init__()
        file = resources.files(__package__) / "node.mjs"
        path = self._stack.enter_context(resources.as_file(file))
        self._process = self._stack.enter_context(
            subprocess.Popen(
                [shutil.which("node") or "node", OPTIMIZE, *relaxed_simd_flags(), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        self._stack.callback(self._process.kill)
        self.version = f"node {self.evaluate('process.versions.node')}"

    def evaluate(self, source: str) -> str:
        """Return the value of a script."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(source) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise EngineError("NodeExit", f"Node ended with status {self._process.wait()}")
        reply: dict[str, str] = json.loads(line)
        if "error" in reply:
            raise EngineError("Error", reply["error"])
        return reply["value"]


class ChromiumHost(Host):
    """A page in Chromium, of a site that is isolated: others are given a coarse clock."""

    def __init__(self) -> None:
        super().__init__()
        from playwright.sync_api import Error, sync_playwright

        self._error = Error
        site = self._stack.enter_context(Site({"/": b"<!doctype html>", "/favicon.ico": b""}))
        playwright = self._stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=system_browser(), args=[f"--js-flags={OPTIMIZE}"]
        )
        self._stack.callback(browser.close)
        self._page = browser.new_page()
        self._page.goto(site.url)
        self.version = f"chromium {browser.version}"

    def evaluate(self, source: str) -> str:
        """Return the value of a script."""
        try:
            return str(self._page.evaluate("(source) => String((0, eval)(source))", source))
        except self._error as error:
            raise EngineError("PlaywrightError", error.message) from None


def check_engines(names: Sequence[str]) -> None:
    """Raise EngineUnavailableError, with how to get it, if one of the engines is not here."""
    for name in names:
        if lack := get_engine(name).available():
            raise EngineUnavailableError(lack)


def open_host(name: str) -> Host:
    """Start one of ENGINES."""
    kinds: dict[str, type[Host]] = {"v8": V8Host, "node": NodeHost, "chromium": ChromiumHost}
    return kinds[name]()
