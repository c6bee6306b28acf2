"""Every test that takes `engine` runs on every engine, unless a row of SKIPS says why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from pyjsml.bundle import MANIFEST, Bundle
from pyjsml.emit import emit
from pyjsml.engines import ENGINES, Engine, Session
from pyjsml.files import integrity
from tests.engines.programs import chain_program, echo_program

SKIPS: Mapping[tuple[str, str], str] = {
    ("test_runtime_outside_the_bundle", "pythonmonkey"): "its script is in every bundle",
    ("test_runtime_outside_the_bundle", "v8"): "its script is in every bundle",
    # Each case starts a browser, and Firefox takes seconds to start.
    ("test_what_is_wrong_has_a_class", "firefox"): "chromium has the same harness",
}
"""(test, engine) -> why the engine does not take part in the test."""


@pytest.fixture(scope="session", params=ENGINES, ids=lambda engine: engine.name)
def any_engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.param
    if problem := engine.available():
        pytest.skip(problem)
    return engine


@pytest.fixture
def engine(request: pytest.FixtureRequest, any_engine: Engine) -> Engine:
    if reason := SKIPS.get((request.function.__name__, any_engine.name)):
        pytest.skip(reason)
    return any_engine


@pytest.fixture(scope="session")
def echo_bundle() -> Bundle:
    return emit(echo_program())


@pytest.fixture(scope="session")
def chain_bundle() -> Bundle:
    return emit(chain_program())


@pytest.fixture(scope="session")
def echo(any_engine: Engine, echo_bundle: Bundle) -> Iterator[Session]:
    with any_engine.open(echo_bundle) as session:
        yield session


@pytest.fixture(scope="session")
def chain(any_engine: Engine, chain_bundle: Bundle) -> Iterator[Session]:
    with any_engine.open(chain_bundle) as session:
        yield session


@pytest.fixture
def opened() -> Iterator[Callable[[Session], Session]]:
    """Close each session given at the end of the test."""
    with ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with no program on its search path, and no browser of Playwright's."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))


def with_files(bundle: Bundle, files: Mapping[str, bytes]) -> Bundle:
    """Return `bundle` with other bytes for some files, and their digests in its manifest."""
    manifest = json.loads(bundle.files[MANIFEST])
    for path, data in files.items():
        manifest["files"][path] = {"bytes": len(data), "integrity": integrity(data)}
    return Bundle({**bundle.files, **files, MANIFEST: json.dumps(manifest).encode()})
