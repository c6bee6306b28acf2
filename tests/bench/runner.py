"""Races rows: every contender of a row in one page, its outputs compared with the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyjsml.bench.page import (
    INPUTS,
    Contender,
    Limits,
    Outcome,
    Track,
    bundle_contender,
    bundle_pages,
    feed_page,
)
from pyjsml.bench.statistics import Times
from pyjsml.errors import PyjsmlError
from tests.bench.peers import PEERS, LeftOutError
from tests.bench.rows import Row, deviation

FLOAT_TOLERANCE = 1e-3
INT8_TOLERANCE = 0.2
"""Between quantisers, and between roundings of one: relative to the largest output."""
OURS = "pyjsml"
OURS_SIMD128 = "pyjsml-simd128"


@dataclass
class Found:
    """What a race of a row gave, as plain data."""

    row: str
    threads: int
    contenders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: `{times, memory, deviation}` or `{error}`."""
    trace: list[dict[str, Any]] = field(default_factory=list)


def race(track: Track, name: str, threads: int, peers: Sequence[str], limits: Limits) -> Found:
    """Race pyjsml, with both its wasm files on one thread, against the peers."""
    row = Row(name)
    found = Found(name, threads)
    contenders = _enter(track, row, threads, peers, found)
    outcomes, traces = track.race(contenders, limits, [OURS])
    tolerance = FLOAT_TOLERANCE if row.model.quantize is None else INT8_TOLERANCE
    expected = row.expected()
    for contender, outcome in outcomes.items():
        found.contenders[contender] = _judge(
            outcome, deviation(outcome.outputs, expected), tolerance
        )
    found.trace = traces.get(OURS, [])
    return found


def _enter(
    track: Track, row: Row, threads: int, peers: Sequence[str], found: Found
) -> list[Contender]:
    track.pages.clear()
    track.pages[INPUTS] = feed_page(row.inputs())
    contenders = []
    try:
        bundle = row.bundle()
        track.pages.update(bundle_pages(bundle))
        contenders.append(bundle_contender(bundle, OURS, None, threads))
        if threads == 1:
            contenders.append(bundle_contender(bundle, OURS_SIMD128, "simd128", threads))
    except PyjsmlError as error:
        found.contenders[OURS] = {"error": str(error)}
    for peer in peers:
        try:
            pages, contender = PEERS[peer](row, threads)
        except LeftOutError as why:
            found.contenders[peer] = {"error": str(why)}
            continue
        track.pages.update(pages)
        contenders.append(contender)
    return contenders


def _judge(outcome: Outcome, error: float, tolerance: float) -> dict[str, Any]:
    if outcome.error:
        return {"error": outcome.error}
    if not error <= tolerance:
        return {"error": f"wrong: off by {error:.2g} of the largest output"}
    times = asdict(Times.of(outcome.samples))
    return {"times": times, "memory": outcome.memory, "deviation": error}
