"""A web server for the demo page: its files and a written bundle, on this machine only."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".safetensors": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}

HEADERS = {
    # The page needs nothing from elsewhere, and no script but its own: wasm is the one exception.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
        "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
    ),
    # With both of these, browsers let the page read a clock that is fine enough to time an op.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def serve(page: Path, bundle: Path, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of `page` at `/` and of `bundle` at `/model/`, bound to 127.0.0.1.

    Port 0 picks a free one. The caller runs `serve_forever` and closes it. Raises OSError where the
    port is taken.
    """
    handler = partial(_Handler, {"model": bundle}, page)
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, mounts: dict[str, Path], root: Path, *args: Any) -> None:
        self.mounts = mounts
        self.root = root
        super().__init__(*args)

    def do_GET(self) -> None:
        """Send a file, or say that there is none."""
        file = self._find(unquote(urlsplit(self.path).path))
        if file is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"not found\n")
        else:
            kind = TYPES.get(file.suffix, "application/octet-stream")
            self._send(HTTPStatus.OK, kind, file.read_bytes())

    def log_message(self, *_: Any) -> None:
        """Keep quiet: who draws digits wants no access log."""

    def _find(self, path: str) -> Path | None:
        parts = PurePosixPath(path).parts[1:] or ("index.html",)
        root = self.mounts.get(parts[0])
        base = (self.root if root is None else root).resolve()
        file = base.joinpath(*(parts if root is None else parts[1:])).resolve()
        return file if file.is_file() and file.is_relative_to(base) else None

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
