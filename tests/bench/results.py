"""What the bench has found, kept in build/bench/results.json between runs."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.bench.cache import FOLDER, MODELS, PYJSML, ROOT, digest
from tests.bench.runner import Found

FILE = FOLDER / "results.json"
PACKAGES = ("onnxruntime-web", "@litertjs/core", "@tensorflow/tfjs-backend-wasm")


@dataclass
class Results:
    """Races by row and number of threads, starts and builds by row, and what they ran on."""

    machine: str
    browser: str
    packages: dict[str, str]
    sources: str
    """A digest of pyjsml's and the models' sources."""
    races: list[dict[str, Any]] = field(default_factory=list)
    starts: dict[str, dict[str, Any]] = field(default_factory=dict)
    builds: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def here(cls, browser: str) -> Results:
        """Return the results kept if all that they depend on is as it was, else none."""
        packages = {name: version(name) for name in PACKAGES}
        fresh = cls(machine(), browser, packages, digest((*PYJSML, *MODELS)))
        if not FILE.exists():
            return fresh
        try:
            kept = cls(**json.loads(FILE.read_text("utf-8")))
        except TypeError:  # of an earlier form
            return fresh
        return kept if replace(kept, races=[], starts={}, builds={}) == fresh else fresh

    def add(self, found: Found) -> None:
        """Keep a race in place of an earlier one of its row and threads."""
        self.races = [
            race
            for race in self.races
            if (race["row"], race["threads"]) != (found.row, found.threads)
        ]
        self.races.append(asdict(found))

    def save(self) -> None:
        """Write the file."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


def machine() -> str:
    """Return the processor's name and how many of its cores there are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text("utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def version(package: str) -> str:
    """Return the version of an installed npm package."""
    file = ROOT / "node_modules" / package / "package.json"
    version: str = json.loads(file.read_text("utf-8"))["version"]
    return version
