"""Cold starts: from asking for a page to the first result, without caches, and what it fetches."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import brotli

from pyjsml.bench.page import ColdStart, Contender, Track
from pyjsml.bench.statistics import Times
from pyjsml.bundle import Bundle
from pyjsml.errors import EngineError
from tests.bench.rows import Row
from tests.bench.runner import OURS, enter

QUALITY = 9
"""Of brotli: what servers that compress ahead of time reach within seconds."""
NOT_RUNTIME = ("/inputs", "/litert-inputs", "/favicon.ico", "/bench/", "/cold.html")
PAUSE_S = 0.5
"""Between starts: the browser takes a while to clear away the page before."""
WEIGHTS = (".safetensors", ".onnx", ".tflite", "/constants")
HINTED = "pyjsml-hinted"
"""pyjsml in a page whose head names files, as the bundle's README has it."""


def starts(track: Track, name: str, peers: Sequence[str], count: int) -> dict[str, Any]:
    """Start pyjsml, without hints and with them, and the peers; see `start_all`."""
    row = Row(name)
    contenders, left_out = enter(track, row, 1, peers, [None])
    ours = [hinted(each, row.bundle()) for each in contenders if each.name in OURS.values()]
    return start_all(track, [*ours, *contenders], left_out, count)


def hinted(contender: Contender, bundle: Bundle, folder: str = "/bundle") -> Contender:
    """Return the contender in a page whose head names files, as the bundle's README has it."""
    text = bundle.files["README.md"].decode("utf-8")
    links = re.sub(r'href="\./[^/]+', f'href="{folder}', "".join(re.findall("<link .*?>", text)))
    return replace(contender, name=HINTED, head=links)


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
