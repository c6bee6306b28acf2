"""Races rows: every contender of a row in one page, its outputs compared with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from pyjsml.errors import EngineError, PyjsmlError
from pyjsml.program import Isa
from tests.bench.peers import PEERS, WEBGL_PEERS
from tests.bench.rows import LeftOutError, Row, deviation

TOLERANCES = {True: 1e-3, False: 0.1}
"""Of `deviation`, exact or not: int8 models differ by what quantisers choose, and in rounding."""
OURS: dict[Isa | None, str] = {None: "pyjsml", "simd128": "pyjsml-simd128"}
"""pyjsml's names, with the wasm file that a browser like this one gets, and with the other."""


@dataclass
class Found:
    """What a race of a row gave, as plain data."""

    row: str
    threads: int
    contenders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: `{times, memory, textures, deviation}` or `{error}`."""
    trace: list[dict[str, Any]] = field(default_factory=list)


def race(
    track: Track,
    name: str,
    threads: int,
    peers: Sequence[str],
    isas: Sequence[Isa | None],
    limits: Limits,
) -> Found:
    """Race pyjsml, with each of the wasm files `isas`, against the peers."""
    row = Row(name)
    contenders, left_out = enter(track, row, threads, peers, isas)
    return compete(track, row, threads, contenders, left_out, limits)


def compete(
    track: Track,
    row: Row,
    threads: int,
    contenders: Sequence[Contender],
    left_out: Mapping[str, str],
    limits: Limits,
) -> Found:
    """Race contenders whose pages are on the track's site; the first of ours is traced too."""
    found = Found(row.name, threads, {who: {"error": why} for who, why in left_out.items()})
    traced = [each.name for each in contenders if each.name in OURS.values()][:1]
    try:
        outcomes, traces = track.race(contenders, limits, traced)
    except EngineError as failure:  # The page is gone, and with it everybody's times.
        found.contenders |= {each.name: {"error": str(failure)} for each in contenders}
        return found
    exact = row.model.quantize is None
    expected = row.expected()
    for contender, outcome in outcomes.items():
        off = deviation(outcome.outputs, expected, exact)
        found.contenders[contender] = _judge(outcome, off, TOLERANCES[exact])
    found.trace = next(iter(traces.values()), [])
    return found


def enter(
    track: Track,
    row: Row,
    threads: int,
    peers: Sequence[str],
    isas: Sequence[Isa | None],
    device: str = "wasm",
) -> tuple[list[Contender], dict[str, str]]:
    """Put what the row's contenders fetch on the track's site; return them, and who is left out.

    On the device `webgl2` the peers are those that draw, too.
    """
    known = WEBGL_PEERS if device == "webgl2" else PEERS
    track.pages.clear()
    track.pages[INPUTS] = feed_page(row.inputs())
    contenders: list[Contender] = []
    left_out: dict[str, str] = {}
    try:
        bundle = row.bundle(("wasm", "webgl2") if device == "webgl2" else ("wasm",))
        track.pages.update(bundle_pages(bundle))
        contenders += [
            bundle_contender(bundle, OURS[isa], isa, threads, device=device) for isa in isas
        ]
    except PyjsmlError as error:
        left_out |= {OURS[isa]: str(error) for isa in isas}
    for peer in peers:
        try:
            pages, contender = known[peer](row, threads)
        except LeftOutError as why:
            left_out[peer] = str(why)
            continue
        track.pages.update(pages)
        contenders.append(contender)
    return contenders, left_out


def _judge(outcome: Outcome, error: float, tolerance: float) -> dict[str, Any]:
    if outcome.error:
        return {"error": outcome.error}
    if not error <= tolerance:
        return {"error": f"wrong: off by {error:.2g}"}
    times = asdict(Times.of(outcome.samples))
    sizes = {"memory": outcome.memory, "textures": outcome.textures}
    return {"times": times, **sizes, "deviation": error}
