"""The web site in memory that pages of a browser are given."""

from __future__ import annotations

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from pyjsml.engines.site import Site


def test_pages_have_their_media_types_and_isolate_whoever_loads_them() -> None:
    kinds = {
        "/": "text/html; charset=utf-8",
        "/a.b/m.js": "text/javascript; charset=utf-8",
        "/m.wasm": "application/wasm",
        "/w.safetensors": "application/octet-stream",
        "/inputs": "application/octet-stream",
    }
    with Site(dict.fromkeys(kinds, b"data")) as site:
        for path, kind in kinds.items():
            with urllib.request.urlopen(f"{site.url}{path}?query") as answer:
                assert answer.read() == b"data"
                assert answer.headers["Content-Type"] == kind
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
                assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


def test_pages_may_change() -> None:
    with Site({}) as site:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{site.url}/late.js")
        site.pages["/late.js"] = b"here"
        with urllib.request.urlopen(f"{site.url}/late.js") as answer:
            assert answer.read() == b"here"
        assert site.served == ["/late.js"]


def test_what_is_posted_is_kept() -> None:
    with Site({}) as site:
        with urllib.request.urlopen(f"{site.url}/results", data=bytes(range(256)) * 1000):
            pass
        assert site.posted == {"/results": bytes(range(256)) * 1000}


def test_waits_for_what_is_posted() -> None:
    with Site({}) as site, ThreadPoolExecutor() as threads:
        waiting = threads.submit(site.wait, "/told", 60)
        with urllib.request.urlopen(f"{site.url}/told", data=b"news"):
            pass
        assert waiting.result() == b"news"
        assert site.posted == {}
        assert site.wait("/told", 0.01) is None
