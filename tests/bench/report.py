"""What the bench has found, as tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyjsml.bench.statistics import geometric_mean
from tests.bench.models.catalogue import MODELS
from tests.bench.peers import PEERS
from tests.bench.results import Results
from tests.bench.runner import OURS
from tests.bench.starts import HINTED

LIMIT_ROW = "gemm"
"""The row whose best speed is taken for what the machine allows."""
NAMES = {
    "pyjsml": "pyjsml",
    "pyjsml-simd128": "pyjsml, simd128",
    HINTED: "pyjsml, hinted",
    "onnxruntime-web": "ORT Web",
    "litert": "LiteRT.js",
    "tfjs": "TF.js",
}
CONTENDERS = (*OURS.values(), *PEERS)
Race = dict[str, Any]


def races(results: Results, threads: int) -> list[Race]:
    """Return the races with so many threads, in the catalogue's order."""
    found = {race["row"]: race for race in results.races if race["threads"] == threads}
    return [found[name] for name in MODELS if name in found]


def times_table(found: Sequence[Race]) -> list[str]:
    """Return medians with their spread, how pyjsml compares, and the speed it reaches."""
    limit = _limit(found)
    head = [NAMES[who] for who in CONTENDERS]
    lines = _head("model", *head, "vs best peer", "vs ORT Web", "GFLOP/s", "of the limit")
    for race in found:
        speed = _speed(race, _ours(race))
        lines.append(
            _line(
                race["row"],
                *(_time(race, who) for who in CONTENDERS),
                _times(_gain(race, PEERS)),
                _times(_gain(race, ["onnxruntime-web"])),
                f"{speed:.1f}" if speed else "",
                f"{speed / limit:.0%}" if speed and limit else "",
            )
        )
    return lines


def means(found: Sequence[Race]) -> str:
    """Return the geometric means of the gains, over the rows that are models."""
    models = [race for race in found if race["row"] != LIMIT_ROW]
    parts = []
    for text, peers in (
        ("the best peer", list(PEERS)),
        *((NAMES[peer], [peer]) for peer in PEERS),
    ):
        gains = [gain for race in models if (gain := _gain(race, peers))]
        if gains:
            mean = geometric_mean(gains)
            parts.append(f"{mean:.2f}× the speed of {text} (least {min(gains):.2f}×)")
    if not parts:
        return "No model ran both here and on a peer."
    return f"In the geometric mean over models, pyjsml has {'; '.join(parts)}."


def families_table(found: Sequence[Race]) -> list[str]:
    """Return the time and speed of each kind of op, over all models with float32 weights."""
    limit = _limit(found)
    totals: dict[str, list[float]] = {}
    for race in found:
        if race["row"] == LIMIT_ROW or MODELS[race["row"]].quantize is not None:
            continue
        for op in race["trace"]:
            total = totals.setdefault(op["kind"], [0, 0.0, 0.0])
            total[0] += 1
            total[1] += op["ms"]
            total[2] += op["flops"] if isinstance(op["flops"], int | float) else 0
    everything = sum(ms for _, ms, _ in totals.values())
    lines = _head("kind of op", "ops", "ms", "share", "GFLOP/s", "of the limit")
    for kind, (count, ms, flops) in sorted(totals.items(), key=lambda item: -item[1][1]):
        speed = flops / ms / 1e6 if ms else 0.0
        share = f"{ms / everything:.1%}" if everything else ""
        reached = f"{speed / limit:.0%}" if limit else ""
        lines.append(_line(kind, f"{count:.0f}", f"{ms:.2f}", share, f"{speed:.1f}", reached))
    return lines


def memory_table(found: Sequence[Race]) -> list[str]:
    """Return the wasm memory that each runtime has taken at the end of a race, in MB."""
    whose = [OURS[None], *PEERS]
    lines = _head("model", *(NAMES[who] for who in whose))
    for race in found:
        sizes = [race["contenders"].get(who, {}).get("memory") for who in whose]
        lines.append(_line(race["row"], *(f"{size / 1e6:.1f}" if size else "" for size in sizes)))
    return lines


def starts_table(results: Results) -> list[str]:
    """Return cold starts and bytes of code."""
    lines = _head("model", "runtime", "first result, ms", "page, ms", "code, kB", "brotli, kB")
    for name, contenders in results.starts.items():
        for who in NAMES:
            found = contenders.get(who, {})
            if "times" in found:
                times = found["times"]
                ms = f"{times['median']:.0f} ({times['low']:.0f}–{times['high']:.0f})"
                sizes = (f"{found['code'] / 1e3:.0f}", f"{found['compressed'] / 1e3:.0f}")
                lines.append(_line(name, NAMES[who], ms, f"{found['opened']:.0f}", *sizes))
    return lines


def builds_table(results: Results) -> list[str]:
    """Return how long bundling takes."""
    lines = _head("model", "nothing cached, s", "kernels cached, s")
    for name, found in results.builds.items():
        lines.append(_line(name, f"{found['cold']:.1f}", f"{found['warm']:.1f}"))
    return lines


def left_out(results: Results) -> list[str]:
    """Return why there are no times where there are none."""
    whys: dict[tuple[str, str], list[str]] = {}
    for threads in (1, 2):
        for race in races(results, threads):
            for who, found in race["contenders"].items():
                if "error" in found:
                    where = f"{race['row']} ({threads} thread{'s'[: threads - 1]})"
                    text = " ".join(found["error"].split())
                    whys.setdefault((NAMES[who], text), []).append(where)
    return [f"- {who}: {', '.join(where)}: {text}" for (who, text), where in whys.items()]


def wrong(results: Sequence[Race]) -> list[str]:
    """Return the rows whose outputs are not what they should be."""
    return [
        f"{race['row']}, {NAMES[who]}: {found['error']}"
        for race in results
        for who, found in race["contenders"].items()
        if found.get("error", "").startswith("wrong")
    ]


def _ours(race: Race) -> str:
    return next((who for who in OURS.values() if "times" in race["contenders"].get(who, {})), "")


def _median(race: Race, who: str) -> float | None:
    median: float | None = race["contenders"].get(who, {}).get("times", {}).get("median")
    return median


def _gain(race: Race, peers: Iterable[str]) -> float | None:
    """Return how many times as fast as the fastest of `peers` pyjsml is."""
    ours = _median(race, _ours(race))
    theirs = [ms for peer in peers if (ms := _median(race, peer))]
    return min(theirs) / ours if ours and theirs else None


def _speed(race: Race, who: str) -> float | None:
    """Return the GFLOP/s of a contender, an addition and a multiplication being two."""
    ms = _median(race, who)
    return 2 * MODELS[race["row"]].multiply_adds / ms / 1e6 if ms else None


def _limit(found: Sequence[Race]) -> float | None:
    speeds: Iterator[float | None] = (
        _speed(race, who) for race in found if race["row"] == LIMIT_ROW for who in CONTENDERS
    )
    return max((speed for speed in speeds if speed), default=None)


def _time(race: Race, who: str) -> str:
    found = race["contenders"].get(who, {})
    if "times" not in found:
        return "–" if found else ""
    times = found["times"]
    spread = (times["high"] - times["low"]) / times["median"]
    median = times["median"]
    return f"{median:.3g} ({spread:.0%})" if median < 1000 else f"{median:.0f} ({spread:.0%})"


def _times(gain: float | None) -> str:
    return f"{gain:.2f}×" if gain else ""


def _head(first: str, *columns: str) -> list[str]:
    return [_line(first, *columns), "|---|" + "---:|" * len(columns)]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
