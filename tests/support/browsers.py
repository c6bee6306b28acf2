"""Pages of real browsers, with WebGL2, and how much memory what runs in them holds."""

from __future__ import annotations

import gzip
import json
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pyjsml.engines.browser import BrowserEngine
from pyjsml.engines.chromium import ChromiumEngine
from pyjsml.engines.firefox import FirefoxEngine
from pyjsml.errors import EngineUnavailableError
from tests.support.pages import PATIENCE_MS

ENGINES: dict[str, type[BrowserEngine]] = {"chromium": ChromiumEngine, "firefox": FirefoxEngine}
NAMES = tuple(ENGINES)
REPORT_WITHIN_S = 120
"""How long Firefox may take to tidy up, and to report."""

ENDED = (FileNotFoundError, ProcessLookupError)
"""What it is to open, or to read, a file of /proc about a process that has ended meanwhile."""


def need_browser(name: str) -> BrowserEngine:
    """Return the engine called `name`; skip the test where it has no WebGL2 on this machine."""
    engine = ENGINES[name]()
    if problem := engine.available():
        pytest.skip(problem)
    try:
        with engine.display("webgl2"):
            return engine
    except EngineUnavailableError as error:
        pytest.skip(str(error))


class BrowserPage(ABC):
    """A page of a site, in a browser."""

    def __init__(self, page: Any) -> None:
        self.page = page

    @abstractmethod
    def heap(self) -> int:
        """Return the bytes of the page's objects and arrays, without garbage."""


class ChromiumPage(BrowserPage):
    """A page that tells of its heap over the DevTools protocol."""

    def heap(self) -> int:
        client = self.page.context.new_cdp_session(self.page)
        for _ in range(3):
            client.send("HeapProfiler.collectGarbage")
        usage = client.send("Runtime.getHeapUsage")
        client.detach()
        return int(usage["usedSize"] + usage["backingStorageSize"])


class FirefoxPage(BrowserPage):
    """A page of a browser that writes reports of its memory to the folder `reports`."""

    def __init__(self, page: Any, reports: Path) -> None:
        super().__init__(page)
        self._reports = reports

    def heap(self) -> int:
        rows = tidy_firefox(self._reports)
        # The page is isolated, which gives it a process to itself.
        mine = [row for row in rows if row["process"].startswith("webCOOP+COEP=")]
        assert mine
        return sum(row["amount"] for row in mine if row["path"].startswith("js-main-runtime/"))


@contextmanager
def open_page(
    name: str, url: str, folder: Path, options: Mapping[str, Any] | None = None
) -> Iterator[BrowserPage]:
    """Open `url` in the browser called `name`, which may write to `folder` if it is Firefox.

    It is launched with `options` of Playwright's, in place of the engine's own. Where this machine
    has no such browser, or it has no WebGL2, the test is skipped.
    """
    engine = need_browser(name)
    engine.launch_options = engine.launch_options if options is None else options
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        variables = stack.enter_context(engine.display("webgl2"))
        driver = stack.enter_context(sync_playwright())
        if name == "firefox":  # Chromium has sockets there, for which its path may be too long.
            variables = {**variables, "TMPDIR": str(folder)}
        browser = engine.launch(driver, variables)
        page = stack.enter_context(browser).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        yield ChromiumPage(page) if name == "chromium" else FirefoxPage(page, folder)


def tidy_firefox(reports: Path) -> list[dict[str, Any]]:
    """Have the Firefox that this process has started let go of all that it can; return its report.

    While Playwright watches, Firefox holds what a page sends, a run's outputs for one, until it
    collects garbage, which it is slow to do. It tidies up when it gets a signal
    (nsMemoryInfoDumper.cpp), and writes a report to its folder of temporary files, which is
    `reports`. A row of that has a `process`, a `path` and an `amount`.
    """
    for old in reports.glob("unified-memory-report-*"):
        old.unlink()
    (browser,) = (p for p in descendants(os.getpid()) if _is_firefox(p, reports))
    os.kill(browser, signal.SIGRTMIN + 1)
    end = time.monotonic() + REPORT_WITHIN_S
    while time.monotonic() < end:
        # It is written under another name, then moved over an empty file of this one.
        for report in reports.glob("unified-memory-report-*.json.gz"):
            if content := report.read_bytes():
                rows: list[dict[str, Any]] = json.loads(gzip.decompress(content))["reports"]
                return rows
        time.sleep(0.1)
    raise TimeoutError("Firefox writes no report of its memory")


def descendants(process: int) -> list[int]:
    """Return the processes that `process` has started, and those that they have."""
    found = []
    for task in _tasks(process):
        try:
            children = (task / "children").read_text().split()
        except ENDED:
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found


def _tasks(process: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{process}/task").iterdir())
    except ENDED:
        return []


def _is_firefox(process: int, folder: Path) -> bool:
    """Tell whether a process is a browser, not one of its own, with that folder for its files."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except ENDED:
        return False
    is_browser = "firefox" in Path(words[0]).name and "-contentproc" not in words
    return is_browser and f"TMPDIR={folder}".encode() in variables
