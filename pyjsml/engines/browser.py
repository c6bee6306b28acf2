"""What engines in browsers share: Playwright drives one, and a page of a site loads a bundle."""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pyjsml.engines.base import BaseEngine, BaseSession
from pyjsml.engines.files import custom_files, runtime_module
from pyjsml.engines.site import Site
from pyjsml.engines.wire import create_options, decode, encode, harness, to_error
from pyjsml.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, ConsoleMessage, Error, Page, Playwright

    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.engines.protocol import SessionOptions
    from pyjsml.program import Array

T = TypeVar("T")

START_MS = 120_000
"""How long a browser, and then a page, may take to start: on a machine that is busy, seconds."""


class BrowserEngine(BaseEngine):
    """Runs bundles in the system's browser of a kind, else in Playwright's own.

    Each session has a browser to itself.
    """

    threaded = True
    devices = ("wasm", "webgl2")

    programs: Sequence[str]
    """What the system's browser may be called."""

    how_to_get: str

    channel: str | None = None
    """How Playwright drives the system's browser, if not as it drives its own."""

    launch_options: Mapping[str, Any] = MappingProxyType({})
    """What else Playwright is to be told when it launches one."""

    def display(self, device: str) -> AbstractContextManager[Mapping[str, str]]:
        """Return variables of the environment that the browser needs, to have `device`.

        Raises EngineUnavailableError, when it is entered, where there is no such thing.
        """
        return nullcontext({})

    def launch(self, playwright: Playwright, variables: Mapping[str, str]) -> Browser:
        """Start a browser with these `variables` added to its environment.

        Raises EngineUnavailableError where it does not start.
        """
        from playwright.sync_api import Error

        path = find_program(self.programs)
        try:
            return self._kind(playwright).launch(
                executable_path=path,
                channel=self.channel if path else None,
                env={**os.environ, **variables},
                timeout=START_MS,
                **self.launch_options,
            )
        except Error as error:
            raise EngineUnavailableError(
                f"{path or self.name} does not start; {self.how_to_get}\n{error.message}"
            ) from None

    @abstractmethod
    def _kind(self, playwright: Playwright) -> BrowserType:
        """Return what Playwright launches such a browser with."""

    def _lack(self) -> str | None:
        if find_spec("playwright") is None:
            return "Playwright, which drives it, is not installed: pip install 'pyjsml[check]'"
        if find_program(self.programs) is None:
            with Driver() as driver:
                if not Path(
                    driver.do(lambda: self._kind(driver.playwright).executable_path)
                ).exists():
                    return self.how_to_get
        return None

    def _session(self, bundle: Bundle, options: SessionOptions) -> BrowserSession:
        return BrowserSession(bundle, options, self)


class BrowserSession(BaseSession):
    """A bundle in a page."""

    def __init__(self, bundle: Bundle, options: SessionOptions, engine: BrowserEngine) -> None:
        super().__init__(bundle, options)
        runtime = runtime_module(bundle)
        custom = custom_files(options.modules, runtime) if options.modules else {}
        files = {**bundle.files, **custom}
        with ExitStack() as stack:
            self._site = stack.enter_context(
                Site(
                    {
                        "/": b"<!doctype html><title>pyjsml</title>",
                        "/favicon.ico": b"",
                        **{
                            f"/harness/{name}": harness(name).encode()
                            for name in ("browser.js", "report.js", "timing.js")
                        },
                        **{f"/bundle/{path}": data for path, data in files.items()},
                    }
                )
            )
            self._said: list[str] = []
            variables = stack.enter_context(engine.display(options.device))
            self._driver = stack.enter_context(Driver())
            self._page = self._driver.do(
                lambda: self._open_page(engine.launch(self._driver.playwright, variables))
            )
            modules = [f"/bundle/{path}" for path in (runtime, *list(custom)[:1])]
            self._call("create", [create_options(options), *modules])
            self._stack = stack.pop_all()

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        self._site.pages["/inputs"] = encode(tensors)
        self._call("run", capture)
        return decode(self._site.posted.pop("/results"), self._outputs, capture)

    def _measure(self, tensors: dict[str, Array], rounds: int) -> dict[str, Any]:
        self._site.pages["/inputs"] = encode(tensors)
        found: dict[str, Any] = self._call("measure", rounds)
        return found

    def _free(self) -> None:
        self._stack.close()

    def _open_page(self, browser: Browser) -> Page:
        page = browser.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", self._on_page_error)
        page.on("crash", lambda _: self._said.append("the page crashed"))
        page.goto(self._site.url, timeout=START_MS)
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._said.append(f"console {message.type}: {message.text}")

    def _on_page_error(self, error: Error) -> None:
        self._said.append(f"page error: {error}")

    def _call(self, function: str, argument: Any) -> Any:
        """Call a function of the harness; return its answer, or raise what it says has failed."""
        from playwright.sync_api import Error

        source = f"async (a) => (await import('/harness/browser.js')).{function}(a)"
        self._said.clear()
        try:
            reply = self._driver.do(lambda: self._page.evaluate(source, argument))
        except Error as error:
            said = "\n".join((error.message, *self._said))
            raise EngineError(error.name or "PlaywrightError", said) from None
        if "error" in reply:
            raise to_error(reply["error"], "\n".join(self._said))
        return reply


class Driver:
    """Playwright on a thread of its own.

    Its synchronous API refuses a thread where an asyncio loop runs, as it does in a notebook, and
    answers only the thread that started it.
    """

    playwright: Playwright

    def __enter__(self) -> Driver:
        from playwright.sync_api import sync_playwright

        self._thread = ThreadPoolExecutor(1, "pyjsml-browser")
        self.playwright = self.do(sync_playwright().start)
        return self

    def __exit__(self, *_: object) -> None:
        # Whatever it has launched ends with it.
        self.do(self.playwright.stop)
        self._thread.shutdown()

    def do(self, action: Callable[[], T]) -> T:
        """Return what `action` gives on that thread."""
        return self._thread.submit(action).result()


def find_program(names: Sequence[str]) -> str | None:
    """Return the path of the first of `names` that is a program of this machine."""
    return next(filter(None, map(shutil.which, names)), None)
