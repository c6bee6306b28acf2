"""A page of Chromium in which runtimes take turns; `web/` has its half in JavaScript."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

from pyjsml.bench.unwatched import unwatched_page
from pyjsml.engines.chromium import HOW_TO_GET, system_browser
from pyjsml.engines.files import MODEL_MODULE, runtime_module
from pyjsml.engines.site import Site
from pyjsml.engines.wire import encode
from pyjsml.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from pyjsml.bundle import Bundle
    from pyjsml.program import Array, Isa

MODULES = ("page", "memory", "textures", "tensors", "timing", "pyjsml", "onnxruntime-web")
INPUTS = "/inputs"
COLD = "/cold.html"
STARTED = "/started"
"""Where the page of a cold start posts what came of it."""
START_LIMIT_S = 60.0


@dataclass(frozen=True)
class Contender:
    """What takes part: an adapter's module, and what its `create` is told."""

    name: str
    adapter: str
    config: Mapping[str, Any]
    feed: str = INPUTS
    """The path of its inputs, a safetensors file."""
    head: str = ""
    """What the page of a cold start has in its head, as HTML."""


@dataclass(frozen=True)
class Limits:
    """How many rounds: as many as fit into `budget` milliseconds, within `least` and `most`."""

    least: int = 7
    most: int = 50
    budget: float = 8000.0


@dataclass(frozen=True)
class Outcome:
    """What came of a contender: its times, or why there are none."""

    samples: Sequence[float] = ()
    memory: int = 0
    """Bytes of its wasm memories, at their largest."""
    textures: int = 0
    """Bytes of its WebGL textures, at their most."""
    outputs: Sequence[bytes] = ()
    """The data of the outputs of its last timed run, in the model's order."""
    error: str = ""


@dataclass(frozen=True)
class ColdStart:
    """One load of a page: milliseconds since it was asked for, and the paths that it fetched."""

    opened: float
    """When the page's own script began: no runtime has done anything before."""
    ms: float
    """When the first result was there."""
    fetched: Sequence[str]


@dataclass
class Track:
    """A browser and a site, whose `pages` hold what contenders fetch. Use it in a `with` statement.

    Raises EngineUnavailableError where there is no Chromium, or nothing to drive it.
    """

    pages: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> Self:
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError:
            raise EngineUnavailableError(
                "Playwright, which drives Chromium, is not installed: pip install 'pyjsml[check]'"
            ) from None
        with ExitStack() as stack:
            self._site = stack.enter_context(Site(_own_pages()))
            playwright = stack.enter_context(sync_playwright())
            try:
                browser = playwright.chromium.launch(executable_path=system_browser())
            except Error as error:
                raise EngineUnavailableError(f"{HOW_TO_GET}\n{error.message}") from None
            self._browser: Browser = browser
            stack.callback(browser.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def version(self) -> str:
        """The browser's version."""
        return self._browser.version

    def race(
        self,
        contenders: Sequence[Contender],
        limits: Limits,
        traced: Sequence[str] = (),
        trace_runs: int = 20,
    ) -> tuple[dict[str, Outcome], dict[str, list[dict[str, Any]]]]:
        """Time contenders in a page of their own; trace those named in `traced` afterwards.

        Returns what came of each, and the traces' rows: op, kind, flops, milliseconds.
        """
        outcomes: dict[str, Outcome] = {}
        with self._page() as page:
            for contender in contenders:
                failure = _call(page, "prepare", _plain(contender)).get("error")
                if failure:
                    outcomes[contender.name] = Outcome(error=failure)
            ready = [each.name for each in contenders if each.name not in outcomes]
            self._site.posted.clear()
            found = _call(page, "compete", vars(limits)) if ready else {}
            for name in ready:
                outcomes[name] = Outcome(
                    found["samples"][name],
                    found["memory"][name],
                    found["textures"][name],
                    self._outputs(name),
                )
            traces = {
                name: _call(page, "trace", name, trace_runs) for name in traced if name in ready
            }
        return outcomes, traces

    def cold_start(self, contender: Contender) -> ColdStart:
        """Load a page that starts a contender in a fresh context, without any cache.

        Raises EngineError where it fails, or has no result within a minute.
        """
        self._serve({COLD: _cold_page(contender)})
        self._site.posted.clear()
        self._site.served.clear()
        with unwatched_page(self._browser, self._site.url + COLD):
            told = self._site.wait(STARTED, START_LIMIT_S)
        if told is None:
            raise EngineError("BenchError", f"{contender.name}: no result in {START_LIMIT_S:g} s")
        start = json.loads(told)
        if "error" in start:
            raise EngineError("BenchError", f"{contender.name}: {start['error']}")
        return ColdStart(**start, fetched=[*self._site.served])

    def _page(self) -> _Fresh:
        self._serve({})
        return _Fresh(self._browser, self._site.url)

    def _serve(self, more: Mapping[str, bytes]) -> None:
        self._site.pages = {**_own_pages(), **self.pages, **more}

    def _outputs(self, name: str) -> list[bytes]:
        posted = self._site.posted
        paths = sorted(path for path in posted if path.startswith(f"/outputs/{name}/"))
        return [posted[path] for path in paths]


@dataclass
class _Fresh:
    """A page in a context of its own, with an empty cache."""

    browser: Browser
    url: str

    def __enter__(self) -> Page:
        self.context = self.browser.new_context()
        page = self.context.new_page()
        page.goto(self.url)
        return page

    def __exit__(self, *_: object) -> None:
        self.context.close()


def bundle_pages(bundle: Bundle, folder: str = "/bundle") -> dict[str, bytes]:
    """Return the pages that serve a bundle."""
    return {f"{folder}/{path}": data for path, data in bundle.files.items()}


def bundle_contender(
    bundle: Bundle,
    name: str,
    isa: Isa | None,
    threads: int,
    folder: str = "/bundle",
    device: str = "wasm",
) -> Contender:
    """Return the contender that runs a bundle which `bundle_pages` serves."""
    config = {
        "index": f"{folder}/{MODEL_MODULE}",
        "runtime": f"{folder}/{runtime_module(bundle)}",
        "isa": isa,
        "threads": threads,
        "device": device,
    }
    return Contender(name, "/bench/pyjsml.js", config)


def feed_page(inputs: Mapping[str, Array]) -> bytes:
    """Return the inputs as contenders read them."""
    return encode(inputs)


def _own_pages() -> dict[str, bytes]:
    folder = resources.files(__package__) / "web"
    files = {f"/bench/{name}.js": (folder / f"{name}.js").read_bytes() for name in MODULES}
    return {"/": b"<!doctype html><title>bench</title>", "/favicon.ico": b"", **files}


def _cold_page(contender: Contender) -> bytes:
    config = json.dumps(_plain(contender))
    script = f"""import {{ coldStart }} from "/bench/page.js";
await fetch("{STARTED}", {{ method: "POST", body: JSON.stringify(await coldStart({config})) }});"""
    head = f"<!doctype html><title>bench</title>{contender.head}"
    return f'{head}<script type="module">{script}</script>'.encode()


def _plain(contender: Contender) -> dict[str, Any]:
    return {**vars(contender), "config": dict(contender.config)}


def _call(page: Page, function: str, *arguments: Any) -> Any:
    return _evaluate(
        page, f"async (a) => (await import('/bench/page.js')).{function}(...a)", list(arguments)
    )


def _evaluate(page: Page, source: str, argument: Any = None) -> Any:
    from playwright.sync_api import Error

    try:
        return page.evaluate(source, argument)
    except Error as error:
        raise EngineError(error.name or "PlaywrightError", error.message) from None
