"""Projects that have installed a packed bundle; pages in which WebGL2 is tried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyjsml.engines.site import Site
from tests.support.browsers import NAMES, BrowserPage, open_page
from tests.support.consumer import Case, digits_case, mobilenet_case, tiny_case
from tests.support.projects import call
from tests.support.webgl2 import Play, scenario_pages


@pytest.fixture(
    scope="session",
    params=["static", "dynamic", "digits", pytest.param("mobilenet", marks=pytest.mark.slow)],
)
def case(request: pytest.FixtureRequest) -> Case:
    """Return a bundle, with what it should give."""
    if request.param == "digits":
        return digits_case(request.getfixturevalue("digits"))
    if request.param == "mobilenet":
        names = ("models", "shared_bundle")
        return mobilenet_case(*(request.getfixturevalue(name) for name in names))
    return tiny_case(request.param)


@pytest.fixture(scope="session")
def project(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty project in which the packed bundle is installed."""
    root = tmp_path_factory.mktemp("consumer")
    case.bundle.write(root / "bundle")
    packed = call("npm", "pack", "--json", "--pack-destination", str(root), cwd=root / "bundle")
    tarball = json.loads(packed)[0]["filename"]
    (root / "package.json").write_text('{"name": "consumer", "private": true, "type": "module"}')
    call("npm", "install", "--offline", "--no-audit", "--no-fund", f"./{tarball}", cwd=root)
    return root


@pytest.fixture(scope="module", params=NAMES)
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserPage]:
    """Open the page of the scenarios, in each browser."""
    pages = scenario_pages()
    folder = tmp_path_factory.mktemp("browser")
    with Site(pages) as site, open_page(request.param, site.url, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def play(opened: BrowserPage) -> Play:
    """Return what plays a scenario there."""

    def play(name: str, argument: Any = None) -> Any:
        source = f"async (a) => (await import('/scenarios.js')).{name}(a)"
        return opened.page.evaluate(source, argument)

    return play


@pytest.fixture(params=["as floats", "as bits"])
def play_each(play: Play, request: pytest.FixtureRequest) -> Play:
    """Play where float32 can be drawn, and where it can't."""

    def as_bits(name: str, argument: Any = None) -> Any:
        return play("asBits", [name, argument])

    return play if request.param == "as floats" else as_bits
