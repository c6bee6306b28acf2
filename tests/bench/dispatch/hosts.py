"""The engines in which dispatch is measured, each as a function from a task to what it found."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pyjsml.bundle import Bundle
from pyjsml.engines import get_engine
from pyjsml.engines.chromium import system_browser
from pyjsml.engines.files import MODEL_SCRIPT, RUNTIME_SCRIPT, script
from pyjsml.engines.node import relaxed_simd_flags
from pyjsml.engines.site import Site
from pyjsml.engines.v8 import FLAGS
from pyjsml.engines.wire import encode
from pyjsml.errors import EngineError, EngineUnavailableError
from pyjsml.program import Isa
from tests.bench.dispatch.listing import Listing, list_calls
from tests.bench.rows import Array

HERE = Path(__file__).parent
OWN_SCRIPTS = ("loop.js", "block.js", "measure.js")
DATA = ("model.simd.wasm", "model.relaxed.wasm", "weights.safetensors")

Found = dict[str, dict[str, Any]]
"""Of each contender `ms`, its least milliseconds per run, and `results`, its outputs' bytes."""


@dataclass(frozen=True)
class Task:
    """A bundle to run, on what, and for how many rounds."""

    bundle: Bundle
    inputs: Mapping[str, Array]
    rounds: int
    blocks: Sequence[str] = ()
    """Modules, by their paths, that one contender runs lazily."""
    isa: Isa = "simd128"

    @property
    def options(self) -> dict[str, Any]:
        """What `pyjsmlDispatch.measure` is told."""
        return {"isa": self.isa, "rounds": self.rounds, "blocks": list(self.blocks)}

    @cached_property
    def listing(self) -> Listing:
        """What a loop by hand calls."""
        return list_calls(self.bundle.model)

    @cached_property
    def scripts(self) -> dict[str, str]:
        """Return what to run before `pyjsmlDispatch.measure`, in order."""
        listing = json.dumps(asdict(self.listing))
        return {
            "runtime.js": script(self.bundle, RUNTIME_SCRIPT),
            "model.js": script(self.bundle, MODEL_SCRIPT),
            "listing.js": f"globalThis.pyjsmlListing = {listing};",
            **{name: (HERE / name).read_text("utf-8") for name in OWN_SCRIPTS},
        }

    @cached_property
    def data(self) -> dict[str, bytes]:
        """Return the bytes that scripts take, by name."""
        return {**{name: self.bundle.files[name] for name in DATA}, "inputs": encode(self.inputs)}


def in_v8(task: Task) -> Found:
    """Measure in V8, inside this process."""
    from py_mini_racer import MiniRacer, init_mini_racer

    init_mini_racer(flags=FLAGS, ignore_duplicate_init=True)
    with MiniRacer() as context:
        for source in task.scripts.values():
            context.eval(source + "\n;undefined")
        context.eval("globalThis.files = {};undefined")
        for name, data in task.data.items():
            buffer: Any = context.eval(f"files[{json.dumps(name)}] = new ArrayBuffer({len(data)})")
            buffer[:] = data
        promise: Any = context.eval(
            "pyjsmlDispatch.measure(pyjsml, pyjsmlModel, pyjsmlListing, files, "
            f"{json.dumps(task.options)})"
        )
        found: Found = json.loads(promise.get())
    return found


def in_pythonmonkey(task: Task) -> Found:
    """Measure in SpiderMonkey, inside this process."""
    import pythonmonkey

    body = "\n".join(task.scripts.values())
    functions: Any = pythonmonkey.eval(
        f"((globalThis) => {{{body}\nconst files = {{}}; return {{"
        "reserve: (name, bytes) => (files[name] = new ArrayBuffer(bytes)),"
        "measure: (options, seconds) => globalThis.pyjsmlDispatch.measure(globalThis.pyjsml, "
        "globalThis.pyjsmlModel, globalThis.pyjsmlListing, files, JSON.parse(options), "
        "() => 1000 * seconds()) }; })"
        "(Object.create(globalThis))"
    )
    for name, data in task.data.items():
        functions["reserve"](name, len(data))[:] = data

    async def measure() -> str:
        text: str = await functions["measure"](json.dumps(task.options), time.perf_counter)
        return text

    found: Found = json.loads(asyncio.run(measure()))
    return found


def in_node(task: Task) -> Found:
    """Measure in a Node process."""
    with tempfile.TemporaryDirectory(prefix="pyjsml-") as name:
        folder = Path(name)
        for path, source in task.scripts.items():
            (folder / path).write_text(source, "utf-8")
        (folder / "scripts.json").write_text(json.dumps(list(task.scripts)), "utf-8")
        (folder / "data").mkdir()
        for path, data in task.data.items():
            (folder / "data" / path).write_bytes(data)
        flags = relaxed_simd_flags() if task.isa == "relaxed" else []
        command = ["node", *flags, str(HERE / "node.mjs"), name, json.dumps(task.options)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EngineError("NodeExit", done.stderr.strip())
    found: Found = json.loads(done.stdout)
    return found


def in_chromium(task: Task) -> Found:
    """Measure in a page of Chromium."""
    from playwright.sync_api import sync_playwright

    scripts = {f"/scripts/{name}": source.encode() for name, source in task.scripts.items()}
    data = {f"/data/{name}": content for name, content in task.data.items()}
    pages = {
        "/": b"<!doctype html><title>dispatch</title>",
        "/favicon.ico": b"",
        "/page.js": (HERE / "page.js").read_bytes(),
        "/scripts.json": json.dumps(list(scripts)).encode(),
        "/data.json": json.dumps(list(data)).encode(),
    }
    with Site({**pages, **scripts, **data}) as site, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=system_browser()).new_page()
        page.goto(site.url)
        text: str = page.evaluate(
            "async (options) => (await import('/page.js')).measure(options)", task.options
        )
    found: Found = json.loads(text)
    return found


HOSTS: dict[str, Callable[[Task], Found]] = {
    "v8": in_v8,
    "pythonmonkey": in_pythonmonkey,
    "node": in_node,
    "chromium": in_chromium,
}


def measure(host: str, task: Task) -> Found:
    """Measure in a host. Raises EngineUnavailableError where it is not here."""
    if lack := get_engine(host).available():
        raise EngineUnavailableError(lack)
    return HOSTS[host](task)
