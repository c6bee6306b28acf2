"""Node.js: a bundle loaded as the ES module that it is, in a process of its own."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.engines.base import BaseEngine, BaseSession
from pyjsml.engines.files import MODEL_MODULE, custom_files, runtime_module, write_files
from pyjsml.engines.wire import create_options, decode, encode, to_error
from pyjsml.errors import EngineError

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.base import Results
    from pyjsml.engines.protocol import SessionOptions
    from pyjsml.program import Array

OLDEST = (20, 16)
RELAXED_SIMD_BY_DEFAULT = (21, 0)
_LENGTHS = struct.Struct("<II")


class NodeEngine(BaseEngine):
    """Runs bundles in the `node` of the search path; each session has a process to itself."""

    name = "node"
    threaded = True

    def _lack(self) -> str | None:
        found = _version()
        wanted = ".".join(map(str, OLDEST))
        advice = f"install Node.js {wanted} or newer (https://nodejs.org) and put it on the PATH"
        if found is None:
            return f"Node.js is not on the PATH: {advice}"
        if found < OLDEST:
            return f"Node.js {'.'.join(map(str, found))} is too old: {advice}"
        return None

    def _session(self, bundle: Bundle, options: SessionOptions) -> NodeSession:
        return NodeSession(bundle, options)


class NodeSession(BaseSession):
    """A bundle in a Node process, which ends with the session."""

    def __init__(self, bundle: Bundle, options: SessionOptions) -> None:
        super().__init__(bundle, options)
        runtime = runtime_module(bundle)
        custom = custom_files(options.modules, runtime) if options.modules else {}
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pyjsml-")))
            write_files({**bundle.files, **custom}, directory)
            harness = resources.files(__package__) / "harness"
            folder = stack.enter_context(resources.as_file(harness))
            self._stderr = stack.enter_context(tempfile.TemporaryFile())
            flags = relaxed_simd_flags() if options.isa == "relaxed" else []
            self._process = subprocess.Popen(
                [
                    shutil.which("node") or "node",
                    *flags,
                    str(folder / "node.mjs"),
                    str(directory / MODEL_MODULE),
                    str(directory / runtime),
                    json.dumps(create_options(options)),
                    *(str(directory / path) for path in list(custom)[:1]),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
            )
            stack.callback(self._stop)
            self._receive()
            self._stack = stack.pop_all()

    def _run(self, tensors: dict[str, Array], capture: list[str]) -> Results:
        return decode(self._ask({"capture": capture}, tensors), self._outputs, capture)

    def _measure(self, tensors: dict[str, Array], rounds: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._ask({"measure": rounds}, tensors))
        return found

    def _ask(self, request: Mapping[str, Any], tensors: dict[str, Array]) -> bytes:
        """Send a request with inputs; return the answer's payload."""
        header = json.dumps(request).encode("ascii")
        payload = encode(tensors)
        try:
            self._send(_LENGTHS.pack(len(header), len(payload)), header, payload)
            return self._receive()
        except KeyboardInterrupt:
            # An answer that nobody waits for would be taken for the next run's.
            self.close()
            raise

    def _free(self) -> None:
        self._stack.close()

    def _send(self, *parts: bytes) -> None:
        assert self._process.stdin is not None
        try:
            for part in parts:
                self._process.stdin.write(part)
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None

    def _receive(self) -> bytes:
        """Return a message's payload; raise the error that it tells instead."""
        header_length, length = _LENGTHS.unpack(self._read(_LENGTHS.size))
        header: dict[str, Any] = json.loads(self._read(header_length))
        if "error" in header:
            raise to_error(header["error"], self._said())
        return self._read(length)

    def _read(self, length: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(length)
        if len(data) < length:
            raise self._died()
        return data

    def _died(self) -> EngineError:
        status = self._process.wait()
        return EngineError("NodeExit", f"Node ended with status {status}\n{self._said()}".strip())

    def _said(self) -> str:
        """Return what Node has written to its standard error."""
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace").strip()

    def _stop(self) -> None:
        """End the process: politely by ending its input, and after a second without asking."""
        with self._process as process:
            assert process.stdin is not None
            try:
                process.stdin.close()
                process.wait(1)
            except (OSError, subprocess.TimeoutExpired):
                process.kill()


def relaxed_simd_flags() -> list[str]:
    """Return the flags that the `node` on the search path needs for relaxed SIMD."""
    old = (_version() or OLDEST) < RELAXED_SIMD_BY_DEFAULT
    return ["--experimental-wasm-relaxed-simd"] if old else []


def _version() -> tuple[int, int] | None:
    """Return the version of the `node` on the search path, None if there is none that runs."""
    program = shutil.which("node")
    if program is None:
        return None
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        major, minor, _ = said.stdout.strip().removeprefix("v").split(".", 2)
        return int(major), int(minor)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
