"""Chromium, driven by Playwright: a bundle loaded as a page of a web site loads it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pyjsml.engines.base import BaseEngine, BaseSession
from pyjsml.engines.files import custom_files, runtime_module
from pyjsml.engines.site import Site
from pyjsml.engines.wire import create_options, decode, encode, harness, to_error
from pyjsml.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Error, Page, Playwright

    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.engines.protocol import SessionOptions
    from pyjsml.program import Array

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
HOW_TO_GET = (
    "no Chromium was found: install the system's (Debian: apt install chromium), or run "
    "`playwright install chromium`"
)
T = TypeVar("T")


class ChromiumEngine(BaseEngine):
    """Runs bundles in the system's Chromium or Chrome, else in Playwright's own.

    Each session has a browser to itself.
    """

    name = "chromium"
    threaded = True
    devices = ("wasm", "webgl2")

    def _lack(self) -> str | None:
        if find_spec("playwright") is None:
            return "Playwright, which drives it, is not installed: pip install 'pyjsml[check]'"
        if system_browser() is None:
            with _Driver() as driver:
                if not Path(driver.do(lambda: driver.playwright.chromium.executable_path)).exists():
                    return HOW_TO_GET
        return None

    def _session(self, bundle: Bundle, options: SessionOptions) -> ChromiumSession:
        return ChromiumSession(bundle, options)


class ChromiumSession(BaseSession):
    """A bundle in a page."""

    def __init__(self, bundle: Bundle, options: SessionOptions) -> None:
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
                            for name in ("chromium.js", "report.js", "timing.js")
                        },
                        **{f"/bundle/{path}": data for path, data in files.items()},
                    }
                )
            )
            self._said: list[str] = []
            self._driver = stack.enter_context(_Driver())
            self._page = self._driver.do(self._open_page)
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

    def _open_page(self) -> Page:
        from playwright.sync_api import Error

        path = system_browser()
        try:
            browser = self._driver.playwright.chromium.launch(executable_path=path)
        except Error as error:
            raise EngineUnavailableError(
                f"{path or 'Chromium'} does not start; {HOW_TO_GET}\n{error.message}"
            ) from None
        page = browser.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", self._on_page_error)
        page.on("crash", lambda _: self._said.append("the page crashed"))
        page.goto(self._site.url)
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._said.append(f"console {message.type}: {message.text}")

    def _on_page_error(self, error: Error) -> None:
        self._said.append(f"page error: {error}")

    def _call(self, function: str, argument: Any) -> Any:
        """Call a function of the harness; return its answer, or raise what it says has failed."""
        from playwright.sync_api import Error

        source = f"async (a) => (await import('/harness/chromium.js')).{function}(a)"
        self._said.clear()
        try:
            reply = self._driver.do(lambda: self._page.evaluate(source, argument))
        except Error as error:
            said = "\n".join((error.message, *self._said))
            raise EngineError(error.name or "PlaywrightError", said) from None
        if "error" in reply:
            raise to_error(reply["error"], "\n".join(self._said))
        return reply


class _Driver:
    """Playwright on a thread of its own.

    Its synchronous API refuses a thread where an asyncio loop runs, as it does in a notebook, and
    answers only the thread that started it.
    """

    playwright: Playwright

    def __enter__(self) -> _Driver:
        from playwright.sync_api import sync_playwright

        self._thread = ThreadPoolExecutor(1, "pyjsml-chromium")
        self.playwright = self.do(sync_playwright().start)
        return self

    def __exit__(self, *_: object) -> None:
        # Whatever it has launched ends with it.
        self.do(self.playwright.stop)
        self._thread.shutdown()

    def do(self, action: Callable[[], T]) -> T:
        return self._thread.submit(action).result()


def system_browser() -> str | None:
    """Return the path of the system's Chromium or Chrome, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
