"""A web site in memory, on a port of this machine that only this machine reaches."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
}


class Site:
    """Serves `pages` (path -> bytes) while it is entered, and keeps what is posted in `posted`.

    `served` has the paths of the pages that were asked for, in that order. The pages may change
    meanwhile. Every answer makes its page cross-origin isolated, which gives it threads and a fine
    clock, and keeps the browser from storing it.
    """

    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self.pages = dict(pages)
        self.posted: dict[str, bytes] = {}
        self.served: list[str] = []
        self._arrival = threading.Condition()
        site = self

        class Handler(_Handler):
            def find(self, path: str) -> bytes | None:
                data = site.pages.get(path)
                if data is not None:
                    site.served.append(path)
                return data

            def keep(self, path: str, data: bytes) -> None:
                with site._arrival:
                    site.posted[path] = data
                    site._arrival.notify_all()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The site's address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def wait(self, path: str, seconds: float) -> bytes | None:
        """Take what is posted to `path`, now or within so many seconds; None if nothing is."""
        with self._arrival:
            self._arrival.wait_for(lambda: path in self.posted, seconds)
            return self.posted.pop(path, None)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm would hold the body back until the header is acknowledged.
    disable_nagle_algorithm = True

    def find(self, path: str) -> bytes | None:
        raise NotImplementedError

    def keep(self, path: str, data: bytes) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        data = self.find(path)
        suffix = path[path.rfind(".") :] if "." in path else ".html" if path == "/" else ""
        kind = MEDIA_TYPES.get(suffix, "application/octet-stream")
        self._answer(404 if data is None else 200, kind, data or b"")

    def do_POST(self) -> None:
        self.keep(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, "application/octet-stream", b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard error belongs to the program."""

    def _answer(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(data)
