"""What tests share: real models, if they are here, and bundles that are compiled once for all."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from pyjsml.bundle import Bundle
from pyjsml.engines.firefox import FirefoxEngine
from tests.support.firefox import SharedFirefox

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "build" / "test-bundles"
SOURCES = (
    "pyjsml/**/*.py",
    "templates/**/*.jinja",
    "js/dist/runtime/**/*.*",
    "js/dist/*.script.js",
)

DAY = 24 * 60 * 60

# A machine that is shared may take its time with any one example.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

SharedBundle = Callable[[str, Callable[[], Bundle]], Bundle]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first, lest a process be left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_configure() -> None:
    """Let processes that tests start hear interrupts: those of a shell's background job do not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep compiled kernels in a folder of this run: tests neither read nor fill the user's.

    Test processes that run side by side have it in common, as they may.
    """
    run = tmp_path_factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYJSML_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def models() -> Path:
    """Return the folder of real models; without it, the test is skipped."""
    named = os.environ.get("PYJSML_MODELS")
    candidates = [Path(named)] if named else [ROOT / "shared/models", ROOT.parent / "shared/models"]
    for folder in candidates:
        if folder.is_dir():
            return folder
    pytest.skip("the real models are not here: set PYJSML_MODELS to their folder")


@pytest.fixture(scope="session")
def shared_bundle() -> SharedBundle:
    """Return `shared(key, make)`: the bundle that `make` compiled, in this run or an earlier one.

    Bundles are kept in build/test-bundles for as long as no source of pyjsml changes. Test
    processes that run side by side compile each bundle once. `key` names the bundle.
    """
    folder = CACHE / _digest_of_sources()

    def shared(key: str, make: Callable[[], Bundle]) -> Bundle:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            if not (folder / key).exists():
                make().write(folder / key)
        return Bundle.open(folder / key)

    _forget_others(folder)
    return shared


@pytest.fixture(scope="session")
def digits(shared_bundle: SharedBundle) -> Bundle:
    """Return the bundle of the demo's digit classifier, trained."""

    def make() -> Bundle:
        from pyjsml.demo.digits import train
        from pyjsml.demo.tour import make_bundle

        return make_bundle(train(lambda done, total: None), lambda stage, done, total: None)

    return shared_bundle("digits", make)


@pytest.fixture(scope="session")
def shared_firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedFirefox]:
    """Return the Firefox of `one_firefox`."""
    shared = SharedFirefox(tmp_path_factory.mktemp("firefox"))
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def one_firefox(shared_firefox: SharedFirefox) -> Iterator[None]:
    """Let the sessions that a module's tests open in Firefox be pages of one browser."""

    def connect(engine: FirefoxEngine, playwright: Playwright, variables: Any) -> Browser:
        return playwright.firefox.connect(shared_firefox.address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FirefoxEngine, "launch", connect)
        yield


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _forget_others(folder: Path) -> None:
    """Remove the bundles of earlier sources, but for those that a run under way may be using."""
    for other in CACHE.glob("*"):
        with suppress(FileNotFoundError):  # Another process may be at it, too.
            if other != folder and time.time() - other.stat().st_mtime > DAY:
                shutil.rmtree(other, ignore_errors=True)
