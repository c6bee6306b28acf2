"""Thousands of runs and hundreds of executors in one page of Chromium leave nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from pyjsml.bundle import Bundle
from tests.support.pages import PATIENCE_MS, Isolating, chromium, needs_chromium, served

RUNS = 10_000
CYCLES = 200
LEEWAY = 500_000
"""Bytes that the engine's own caches may take: far less than 50 bytes for each run, or a page of
memory for each executor."""

PAGE = """
import { model } from "./bundle/index.js";
import { Executor } from "./bundle/runtime/index.js";

const [{ name, shape }] = model.inputs;
const feed = { [name]: new Float32Array(shape.reduce((size, dim) => size * dim, 1)) };
const make = (threads) => Executor.create(model, {
  threads, policies: threads > 1 ? [{ place: () => ({ thread: 1 }) }] : [],
});

globalThis.runMany = async (runs, threads) => {
  globalThis.executor ??= await make(threads);
  for (let i = 0; i < runs; i++) await executor.run(feed);
};
globalThis.makeMany = async (cycles, threads) => {
  for (let i = 0; i < cycles; i++) {
    const executor = await make(threads);
    await executor.run(feed);
    executor.dispose();
  }
};
globalThis.stop = () => {
  executor.dispose();
  globalThis.executor = undefined;
};
document.title = "ready";
"""

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(digits: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("leaks")
    digits.write(folder / "bundle")
    (folder / "page.js").write_text(PAGE, encoding="utf-8")
    html = '<!doctype html><link rel="icon" href="icon"><script type="module" src="page.js">'
    (folder / "index.html").write_text(html + "</script>", encoding="utf-8")
    with (
        served(folder, Isolating) as address,
        chromium() as browser,
    ):
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.wait_for_function("document.title === 'ready'")
        yield page


def bytes_in_use(page: Any) -> int:
    """Return the bytes of the page's objects, and of the memories of its arrays."""
    client = page.context.new_cdp_session(page)
    for _ in range(3):
        client.send("HeapProfiler.collectGarbage")
    usage = client.send("Runtime.getHeapUsage")
    client.detach()
    return int(usage["usedSize"] + usage["backingStorageSize"])


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_leave_nothing_behind(page: Any, threads: int) -> None:
    page.evaluate(f"runMany({RUNS // 5}, {threads})")
    before = bytes_in_use(page)
    page.evaluate(f"runMany({RUNS}, {threads})")
    grown = bytes_in_use(page) - before
    page.evaluate("stop()")
    assert grown < LEEWAY


@pytest.mark.parametrize(("threads", "cycles"), [(1, CYCLES), (2, CYCLES // 4)])
def test_executors_leave_nothing_behind(page: Any, threads: int, cycles: int) -> None:
    page.evaluate(f"makeMany({cycles // 5}, {threads})")
    before = bytes_in_use(page)
    page.evaluate(f"makeMany({cycles}, {threads})")
    # The browser tells of their end a little later.
    end = time.monotonic() + PATIENCE_MS / 1000
    while page.workers and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert not page.workers
    assert bytes_in_use(page) - before < LEEWAY
