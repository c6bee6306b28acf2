"""A bundle as an npm package: its name, its version and its package.json."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from pyjsml.errors import OptionError

if TYPE_CHECKING:
    from pyjsml.emit.executor import OwnExecutor

RUNTIME_ENTRY = "index.js"
RUNTIME_TYPES = "index.d.ts"

_PART = r"[a-z0-9][a-z0-9._-]*"
_NAME = re.compile(rf"(?:@{_PART}/)?{_PART}")
_LONGEST_NAME = 214

# npm refuses the first two, and new packages that bear the name of a module of Node's.
_REFUSED_WORDS = """
node_modules favicon.ico
assert async_hooks buffer child_process cluster console constants crypto dgram dns domain
events fs http http2 https inspector module net os path perf_hooks process punycode querystring
readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi
worker_threads zlib
"""
_REFUSED = frozenset(_REFUSED_WORDS.split())

# The expression that semver.org suggests, without the groups.
_NUMBER = r"(?:0|[1-9]\d*)"
_PRERELEASE = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PRERELEASE}(?:\.{_PRERELEASE})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    flags=re.ASCII,
)


def default_package_name(model_name: str) -> str:
    """Derive a package name from the model's: `Mobile_Net V2.1` becomes `mobile-net-v2-1`."""
    plain = unicodedata.normalize("NFKD", model_name).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_NAME].strip("-") or "model"
    return f"{name}-model" if name in _REFUSED else name


def check_package(name: str | None, version: str) -> None:
    """Raise OptionError unless npm accepts a package of this name and version.

    None stands for a name derived from the model's, which npm always accepts.
    """
    problems = []
    name = "model" if name is None else name
    if len(name) > _LONGEST_NAME:
        problems.append(
            f"the package name has {len(name)} characters; npm allows {_LONGEST_NAME} at most"
        )
    if not _NAME.fullmatch(name):
        problems.append(
            f"{name!r} is not an npm package name: use lower-case letters, digits, '-', '.' and "
            f"'_', with a letter or digit first, after an optional '@scope/' "
            f"(perhaps {default_package_name(name)!r})"
        )
    if name in _REFUSED:
        problems.append(f"{name!r} is a name that npm reserves (perhaps '{name}-model')")
    if not _VERSION.fullmatch(version):
        problems.append(f"{version!r} is not a semantic version; write one such as 1.0.0")
    if problems:
        raise OptionError("the bundle can't be an npm package", problems)


def package_json(
    name: str,
    version: str,
    model_name: str,
    dependencies: dict[str, str],
    executor: OwnExecutor | None = None,
) -> dict[str, Any]:
    """Describe a bundle, which may have an executor of its own, to npm and to bundlers.

    There are no scripts: nothing runs when the package is installed.
    """
    exports: dict[str, Any] = {".": {"types": "./index.d.ts", "default": "./index.js"}}
    files = ["index.js", "index.d.ts", "index.script.js", "runtime", "*.wasm", "*.safetensors"]
    if not dependencies:
        exports["./runtime"] = {
            "types": f"./runtime/{RUNTIME_TYPES}",
            "default": f"./runtime/{RUNTIME_ENTRY}",
        }
    if executor:
        files += ["executor", "executor.script.js"]
        exports["./executor"] = {
            **({"types": f"./{executor.types}"} if executor.types else {}),
            "default": f"./{executor.entry}",
        }
    return {
        "name": name,
        "version": version,
        "description": f"The model {model_name}, compiled to WebAssembly",
        "keywords": ["pyjsml", "webassembly", "inference"],
        "type": "module",
        "main": "./index.js",
        "types": "./index.d.ts",
        "exports": {**exports, "./*": "./*"},
        "files": [*files, "manifest.json"],
        "sideEffects": False,
        "engines": {"node": ">=20.16"},
        **({"dependencies": dependencies} if dependencies else {}),
    }
