"""Files that are made once for a given content of what they are made from, in build/bench."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench"
MODELS = ("tests/bench/models/*.py",)
PYJSML = (
    "pyjsml/**/*.py",
    "pyjsml/**/*.jsonl",
    "templates/**/*.jinja",
    "js/dist/runtime/**/*.*",
    "js/dist/*.script.js",
)


def digest(patterns: Iterable[str], *more: bytes) -> str:
    """Return a digest of the project's files that match `patterns`, and of `more`."""
    made = hashlib.sha256()
    for pattern in patterns:
        for file in sorted(ROOT.glob(pattern)):
            made.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    for part in more:
        made.update(part)
    return made.hexdigest()[:16]


def cached(kind: str, name: str, key: str, make: Callable[[Path], None], suffix: str = "") -> Path:
    """Return the file or folder that `make` writes at the path it is given, now or earlier.

    Of those with the same `kind` and `name` only the latest `key`'s is kept.
    """
    folder = FOLDER / kind / name
    path = folder / f"{key}{suffix}"
    if not path.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        unfinished = folder / f"unfinished{suffix}"
        make(unfinished)
        unfinished.rename(path)
    return path
