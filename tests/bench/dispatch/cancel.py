"""How long it takes until a run that is aborted has rejected, and whether it leaves anything."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyjsml.engines import get_engine
from pyjsml.engines.chromium import system_browser
from pyjsml.engines.files import runtime_module, write_files
from pyjsml.engines.node import relaxed_simd_flags
from pyjsml.engines.site import Site
from pyjsml.errors import EngineError, EngineUnavailableError
from tests.bench.dispatch.hosts import HERE, Task

ABORTS = 1000
WAYS = {
    "none, 1": ("no hook", 1),
    "dispatch, 1": ("`dispatch`", 1),
    "none, 2": ("no hook", 2),
    "dispatch, 2": ("`dispatch`", 2),
}


@dataclass(frozen=True)
class Cancelled:
    """What aborting runs took, in milliseconds, and what came after."""

    aborts: int
    longest: float
    """The longest op of a traced run."""
    abort50: float
    """From the abort to the rejection, half of the times and 99 of 100 times at most."""
    abort99: float
    asked50: float
    """From when another thread asked for the abort."""
    asked99: float
    memory: list[int]
    """In bytes, before and after."""
    same: bool
    """Whether the outputs of the next run are those of the run before."""
    results: list[list[int]]
    """Those outputs' bytes."""

    @property
    def leaves(self) -> list[str]:
        """What has changed that must not."""
        before, after = self.memory
        grown = [] if before == after else [f"memory went from {before} to {after} bytes"]
        return grown + ([] if self.same else ["the next run's outputs are others"])


def in_node(task: Task, options: str) -> str:
    """Abort runs in a Node process."""
    with tempfile.TemporaryDirectory(prefix="pyjsml-") as name:
        folder = Path(name)
        for path, files in (("bundle", task.bundle.files), ("data", task.data)):
            (folder / path).mkdir()
            write_files(files, folder / path)
        flags = relaxed_simd_flags() if task.isa == "relaxed" else []
        command = ["node", *flags, str(HERE / "cancel-node.mjs"), name, options]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EngineError("NodeExit", done.stderr.strip())
    return done.stdout


def in_chromium(task: Task, options: str) -> str:
    """Abort runs in a page of Chromium."""
    from playwright.sync_api import sync_playwright

    data = {f"/data/{name}": content for name, content in task.data.items()}
    pages = {
        "/": b"<!doctype html><title>cancel</title>",
        "/favicon.ico": b"",
        **{f"/{name}": (HERE / name).read_bytes() for name in ("cancel.js", "cancel-page.js")},
        "/data.json": json.dumps(list(data)).encode(),
        **{f"/bundle/{path}": content for path, content in task.bundle.files.items()},
    }
    with Site({**pages, **data}) as site, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=system_browser()).new_page()
        page.goto(site.url)
        text: str = page.evaluate(
            "async (options) => (await import('/cancel-page.js')).cancel(JSON.parse(options))",
            options,
        )
    return text


HOSTS: dict[str, Callable[[Task, str], str]] = {"node": in_node, "chromium": in_chromium}


def cancel(host: str, task: Task, aborts: int = ABORTS) -> dict[str, Cancelled]:
    """Abort runs in all ways that the host has. Raises EngineUnavailableError if it is not here."""
    if lack := get_engine(host).available():
        raise EngineUnavailableError(lack)
    runtime = runtime_module(task.bundle)
    options = json.dumps({"isa": task.isa, "aborts": aborts, "runtime": runtime})
    found: dict[str, Any] = json.loads(HOSTS[host](task, options))
    return {way: Cancelled(**each) for way, each in found.items()}
