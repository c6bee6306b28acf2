"""Pages of a test's own: hosts that serve a folder, and Chromium to open it in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyjsml.engines.chromium import ChromiumEngine, system_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENCE_MS = 120_000
"""How long a page may take with what it is waited for: a machine that is shared takes its time."""

_missing = ChromiumEngine().available()
needs_chromium = pytest.mark.skipif(_missing is not None, reason=str(_missing))


class Quiet(SimpleHTTPRequestHandler):
    """A static host that knows nothing of WebAssembly: it has no MIME type for it, nor headers."""

    def guess_type(self, path: Any) -> str:
        """Tell scripts and pages from the rest."""
        kinds = {".html": "text/html", ".js": "text/javascript"}
        return kinds.get(Path(path).suffix, "application/octet-stream")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Isolating(Quiet):
    """A static host whose pages may have threads, and may run nothing but its own files."""

    def end_headers(self) -> None:
        """Add the headers of a page that is cross-origin isolated."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Content-Security-Policy", "default-src 'self' 'wasm-unsafe-eval'")
        super().end_headers()


@contextmanager
def served(directory: Path, host: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve a folder; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(host, directory=str(directory))) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=system_browser(), timeout=PATIENCE_MS
        ) as browser,
    ):
        yield browser


def write_page(folder: Path, script: str) -> None:
    """Write a page that runs `script`, a file of `folder`; it logs what goes wrong, too."""
    (folder / "index.html").write_text(
        '<!doctype html><link rel="icon" href="data:,"><script>'
        'for (const type of ["error", "unhandledrejection"]) addEventListener(type, (event) =>'
        " console.log(JSON.stringify(String(event.reason ?? event.message))));"
        f'</script><script type="module" src="./{script}"></script>'
    )


def logged_in_chromium(address: str) -> Any:
    """Open the page at `address`; return what it logs first, an error perhaps, as JSON."""
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        with page.expect_console_message(_is_log) as logged:
            page.goto(address)
        return json.loads(logged.value.text)


def _is_log(message: Any) -> bool:
    """Tell what the page logs from what the browser does, such as that a file is missing."""
    return bool(message.type == "log")
