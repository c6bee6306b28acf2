"""Cold starts: from asking for a page to the first result, without caches, and what it fetches."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import brotli

from pyjsml.bench.page import ColdStart, Contender, Track
from pyjsml.bench.statistics import Times
from pyjsml.errors import EngineError
from tests.bench.rows import Row
from tests.bench.runner import enter

QUALITY = 9
"""Of brotli: what servers that compress ahead of time reach within seconds."""
NOT_RUNTIME = ("/inputs", "/litert-inputs", "/favicon.ico", "/bench/", "/cold.html")
PAUSE_S = 0.5
"""Between starts: the browser takes a while to clear away the page before."""
WEIGHTS = (".safetensors", ".onnx", ".tflite", "/constants")


def starts(track: Track, name: str, peers: Sequence[str], count: int) -> dict[str, Any]:
    """Start pyjsml and the peers; see `start_all`."""
    contenders, left_out = enter(track, Row(name), 1, peers, [None])
    return start_all(track, contenders, left_out, count)


def start_all(
    track: Track, contenders: Sequence[Contender], left_out: Mapping[str, str], count: int
) -> dict[str, Any]:
    """Return `{times, opened, code, compressed}` or `{error}` of each contender.

    They take turns, so that what else the machine does meets all of them. `opened` is the part of
    the time in which the page itself came to be, and bytes are those of the code, without weights.
    """
    found: dict[str, Any] = {who: {"error": why} for who, why in left_out.items()}
    starts: dict[str, list[ColdStart]] = {contender.name: [] for contender in contenders}
    for _ in range(count):
        for contender in contenders:
            if contender.name in found:
                continue
            time.sleep(PAUSE_S)
            try:
                starts[contender.name].append(track.cold_start(contender))
            except EngineError as error:
                found[contender.name] = {"error": str(error)}
    for name, loads in starts.items():
        if name in found:
            continue
        code = [
            track.pages[path]
            for path in set(loads[-1].fetched)
            if not path.startswith(NOT_RUNTIME) and not path.endswith(WEIGHTS)
        ]
        found[name] = {
            "times": asdict(Times.of([load.ms for load in loads])),
            "opened": statistics.median(load.opened for load in loads),
            "code": sum(map(len, code)),
            "compressed": sum(len(brotli.compress(data, quality=QUALITY)) for data in code),
        }
    return found
