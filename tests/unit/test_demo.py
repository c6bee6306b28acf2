"""The demo's parts: its server and its training. The whole of it runs in tests/models."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pyjsml.cli import main
from pyjsml.demo.digits import predict, train
from pyjsml.demo.server import serve
from pyjsml.errors import OptionError

# As an attribute of pyjsml.cli, the name stands for the command.
command = import_module("pyjsml.cli.demo")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    page, bundle = tmp_path / "page", tmp_path / "bundle"
    (bundle / "runtime").mkdir(parents=True)
    page.mkdir()
    (page / "index.html").write_text("<!doctype html>")
    (page / "page.js").write_text("export {};")
    (bundle / "model.simd.wasm").write_bytes(b"\0asm")
    (bundle / "runtime/index.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("secret")
    with serve(page, bundle) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port: int, path: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    with closing(connection):
        response = connection.getresponse()
        return response, response.read()


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/index.html?a=b", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/page.js", "text/javascript; charset=utf-8", b"export {};"),
        ("/model/model.simd.wasm", "application/wasm", b"\0asm"),
        ("/model/runtime/index.js", "text/javascript; charset=utf-8", b"export {};"),
    ],
)
def test_serves_the_page_and_the_bundle(port: int, path: str, kind: str, body: bytes) -> None:
    response, got = get(port, path)
    assert response.status == 200
    assert got == body
    assert response.headers["Content-Type"] == kind
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/model",
        "/model/",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/model/../../secret.txt",
        "/model/%2e%2e/secret.txt",
        "//etc/passwd",
        "/model//etc/passwd",
    ],
)
def test_serves_nothing_else(port: int, path: str) -> None:
    response, body = get(port, path)
    assert response.status == 404
    assert b"secret" not in body


def test_says_which_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} can't be used .*give another --port"):
            command._serve(tmp_path, port)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path / "digits")])
    assert result.exit_code == 2
    assert result.stderr == "error: the demo needs torch and sklearn: pip install 'pyjsml[demo]'\n"


@pytest.mark.slow
def test_training() -> None:
    told: list[tuple[int, int]] = []
    trained = train(lambda done, total: told.append((done, total)))
    probabilities = predict(trained.module, trained.images)
    assert probabilities.shape == (len(trained.labels), 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == trained.labels).mean() > 0.97
    assert told[0] == (0, told[0][1])
    assert told[-1] == (told[0][1], told[0][1])
