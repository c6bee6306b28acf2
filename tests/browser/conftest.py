"""Projects that have installed a packed bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.consumer import Case, digits_case, mobilenet_case, tiny_case
from tests.support.projects import call


@pytest.fixture(
    scope="session",
    params=["static", "dynamic", "digits", pytest.param("mobilenet", marks=pytest.mark.slow)],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return a bundle, with what it should give."""
    if request.param == "digits":
        return digits_case(request.getfixturevalue("digits"))
    if request.param == "mobilenet":
        names = ("models", "shared_bundle")
        return mobilenet_case(*(request.getfixturevalue(name) for name in names))
    return tiny_case(request.param, tmp_path_factory.mktemp("kernels"))


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
