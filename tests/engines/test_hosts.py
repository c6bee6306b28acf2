"""What is peculiar to one engine, or to engines that are not there."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyjsml.bundle import Bundle
from pyjsml.engines import ENGINES, Engine, Session, get_engine
from pyjsml.engines.display import display
from pyjsml.engines.node import NodeSession
from pyjsml.errors import EngineError, EngineUnavailableError, OptionError
from pyjsml.executor import Executor
from tests.engines.conftest import with_files
from tests.engines.programs import assert_close, chain_outputs

Opened = Callable[[Session], Session]
BROWSERS = ("chromium", "firefox")
X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = chain_outputs(X)["pow"]


def need(name: str) -> None:
    if problem := get_engine(name).available():
        pytest.skip(problem)


def test_unknown_engine() -> None:
    with pytest.raises(OptionError, match="pythonmonkey, v8, node, chromium, firefox"):
        get_engine("rhino")


@pytest.mark.parametrize("name", ["pythonmonkey", "v8"])
def test_an_engine_with_one_thread(name: str, chain_bundle: Bundle) -> None:
    with pytest.raises(
        OptionError, match=f"{name} has one thread; node, chromium and firefox have more"
    ):
        get_engine(name).open(chain_bundle, threads=2)


@pytest.mark.parametrize("name", ["pythonmonkey", "v8", "node"])
def test_an_engine_without_a_gpu(name: str, chain_bundle: Bundle) -> None:
    advice = f"the engine {name} has no webgl2; chromium and firefox have"
    with pytest.raises(EngineUnavailableError, match=advice):
        get_engine(name).open(chain_bundle, device="webgl2")


def test_what_no_engine_has(chain_bundle: Bundle) -> None:
    with pytest.raises(OptionError, match="no device 'gpu'; there are: wasm, webgl2"):
        Executor(chain_bundle, device="gpu")
    with pytest.raises(OptionError, match="no isa 'neon'; there are: simd128, relaxed"):
        Executor(chain_bundle, isa="neon")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BROWSERS)
def test_a_bundle_without_shaders(name: str, chain_bundle: Bundle) -> None:
    need(name)
    with pytest.raises(OptionError, match="has nothing for webgl2: bundle it with --device"):
        get_engine(name).open(chain_bundle, device="webgl2")


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_no_threads(engine: Engine, chain_bundle: Bundle) -> None:
    with pytest.raises(OptionError, match="the number of threads is 0"):
        engine.open(chain_bundle, threads=0)


def test_importing_the_engines_imports_no_host() -> None:
    heavy = "tvm torch jinja2 pythonmonkey py_mini_racer playwright"
    code = f"import sys, pyjsml.engines; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "module", "advice"),
    [
        ("pythonmonkey", "pythonmonkey", "pip install pythonmonkey"),
        ("v8", "py_mini_racer", "pip install 'pyjsml[v8]'"),
        ("chromium", "playwright", "pip install 'pyjsml[check]'"),
        ("firefox", "playwright", "pip install 'pyjsml[check]'"),
    ],
)
def test_a_package_that_is_absent(
    name: str, module: str, advice: str, chain_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    without = lambda sought: None if sought == module else find_spec(sought)  # noqa: E731
    home = "browser" if name in BROWSERS else name
    monkeypatch.setattr(f"pyjsml.engines.{home}.find_spec", without)
    assert advice in (get_engine(name).available() or "")
    with pytest.raises(EngineUnavailableError) as caught:
        get_engine(name).open(chain_bundle)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("node", "https://nodejs.org"),
        ("chromium", "playwright install chromium"),
        ("firefox", "apt install firefox-esr"),
    ],
)
@pytest.mark.usefixtures("empty_path")
def test_a_program_that_is_absent(name: str, advice: str, chain_bundle: Bundle) -> None:
    with pytest.raises(EngineUnavailableError) as caught:
        get_engine(name).open(chain_bundle)
    assert advice in str(caught.value)


def fake_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.usefixtures("empty_path")
def test_a_node_that_is_too_old(tmp_path: Path) -> None:
    fake_program(tmp_path, "node", "echo v18.20.4")
    assert "Node.js 18.20 is too old: install Node.js 20.16" in (
        get_engine("node").available() or ""
    )


@pytest.mark.usefixtures("empty_path")
@pytest.mark.parametrize("name", BROWSERS)
def test_a_browser_that_does_not_start(name: str, tmp_path: Path, chain_bundle: Bundle) -> None:
    pytest.importorskip("playwright")
    fake_program(tmp_path, name, "echo no display >&2; exit 3")
    with pytest.raises(EngineUnavailableError, match="does not start"):
        get_engine(name).open(chain_bundle)


class TestPythonMonkey:
    @pytest.fixture(autouse=True)
    def needs_it(self) -> None:
        need("pythonmonkey")

    def test_leaves_no_globals(self, chain_bundle: Bundle, opened: Opened) -> None:
        import pythonmonkey

        names = "Object.getOwnPropertyNames(globalThis).join()"
        before = pythonmonkey.eval(names)
        opened(get_engine("pythonmonkey").open(chain_bundle)).run({"x": X})
        assert pythonmonkey.eval(names) == before

    def test_results_outlive_what_they_were_copied_from(
        self, chain_bundle: Bundle, opened: Opened
    ) -> None:
        import pythonmonkey

        session = opened(get_engine("pythonmonkey").open(chain_bundle))
        kept = []
        for _ in range(10):
            kept.append(session.run({"x": X})["y"])
            gc.collect()
            pythonmonkey.collect()
        session.close()
        pythonmonkey.collect()
        for y in kept:
            assert_close(y, Y)

    def test_inputs_are_let_go(self, chain_bundle: Bundle, opened: Opened) -> None:
        session = opened(get_engine("pythonmonkey").open(chain_bundle))
        x = X.copy()
        alive = weakref.ref(x)
        session.run({"x": x})
        del x
        gc.collect()
        assert alive() is None

    @pytest.mark.slow
    def test_sessions_free_their_memory(self, chain_bundle: Bundle) -> None:
        # SpiderMonkey refuses the thousandth wasm memory that is alive.
        for _ in range(1100):
            get_engine("pythonmonkey").open(chain_bundle).close()

    def test_another_thread_is_told_why(self, chain_bundle: Bundle, opened: Opened) -> None:
        opened(get_engine("pythonmonkey").open(chain_bundle))
        errors: list[BaseException] = []

        def work() -> None:
            try:
                get_engine("pythonmonkey").open(chain_bundle)
            except EngineError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert "only on the thread that first imported it" in str(errors[0])

    def test_errors_make_no_noise(
        self, chain_bundle: Bundle, opened: Opened, capfd: pytest.CaptureFixture[str]
    ) -> None:
        session = opened(get_engine("pythonmonkey").open(chain_bundle))
        broken = with_files(chain_bundle, {"index.script.js": b"throw 1"})
        with pytest.raises(EngineError):
            get_engine("pythonmonkey").open(broken)
        with pytest.raises(Exception, match="missing"):
            session.run({})
        assert capfd.readouterr() == ("", "")


class TestNode:
    @pytest.fixture(autouse=True)
    def needs_it(self) -> None:
        need("node")

    def test_a_process_that_dies(self, chain_bundle: Bundle, opened: Opened) -> None:
        script = (
            chain_bundle.files["index.js"]
            + b"""
            process.on("SIGUSR2", () => { console.error("out of luck"); process.exit(7); });
        """
        )
        session = get_engine("node").open(with_files(chain_bundle, {"index.js": script}))
        assert isinstance(session, NodeSession)
        opened(session)
        session._process.send_signal(signal.SIGUSR2)
        session._process.wait(120)
        with pytest.raises(EngineError, match="status 7\nout of luck"):
            session.run({"x": X})

    def test_standard_error_is_told(self, chain_bundle: Bundle) -> None:
        script = b'console.log("here I am"); throw new RangeError("no");'
        with pytest.raises(EngineError, match="RangeError: no\nhere I am"):
            get_engine("node").open(with_files(chain_bundle, {"index.js": script}))

    def test_too_many_threads(self, chain_bundle: Bundle) -> None:
        with pytest.raises(OptionError, match='"threads" is 65; it may be'):
            get_engine("node").open(chain_bundle, threads=65)

    def test_nothing_is_left_behind(
        self, chain_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with get_engine("node").open(chain_bundle) as session:
            assert list(tmp_path.iterdir())
            session.run({"x": X})
        assert not list(tmp_path.iterdir())


class TestDisplay:
    @pytest.fixture(autouse=True)
    def linux_without_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.platform", "linux")
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)

    def test_one_that_is_there_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISPLAY", ":7")
        with display("a test") as variables:
            assert variables == {}

    @pytest.mark.usefixtures("empty_path")
    def test_no_display_and_no_xvfb(self) -> None:
        with (
            pytest.raises(EngineUnavailableError, match=r"a test needs a display.*apt install"),
            display("a test"),
        ):
            pass

    @pytest.mark.usefixtures("empty_path")
    def test_an_xvfb_that_does_not_start(self, tmp_path: Path) -> None:
        fake_program(tmp_path, "Xvfb", "exit 1")
        with (
            pytest.raises(EngineUnavailableError, match="Xvfb does not start"),
            display("a test"),
        ):
            pass

    @pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb (Debian: xvfb)")
    def test_xvfb_lives_as_long_as_it_is_wanted(self) -> None:
        with display("a test") as variables:
            socket = Path("/tmp/.X11-unix") / f"X{variables['DISPLAY'].removeprefix(':')}"
            mine = socket.stat().st_ino
        # Another process may have a display of the same number by now.
        assert not socket.exists() or socket.stat().st_ino != mine


class TestBrowsers:
    @pytest.fixture(params=BROWSERS)
    def browser(self, request: pytest.FixtureRequest) -> Engine:
        need(request.param)
        return get_engine(request.param)

    def test_inside_an_event_loop(self, browser: Engine, chain_bundle: Bundle) -> None:
        async def run() -> np.ndarray:
            with browser.open(chain_bundle) as session:
                return session.run({"x": X})["y"]

        assert_close(asyncio.run(run()), Y)

    def test_the_console_is_told(self, browser: Engine, chain_bundle: Bundle) -> None:
        script = b'console.error("here I am"); throw new RangeError("no");'
        with pytest.raises(EngineError, match="RangeError: no\nconsole error: here I am"):
            browser.open(with_files(chain_bundle, {"index.js": script}))

    def test_the_page_is_isolated(self, browser: Engine, chain_bundle: Bundle) -> None:
        script = b"throw new Error(String(crossOriginIsolated));"
        with pytest.raises(EngineError, match="true"):
            browser.open(with_files(chain_bundle, {"index.js": script}))


def test_the_default_engine_is_in_process() -> None:
    assert ENGINES[0].name == "pythonmonkey"
