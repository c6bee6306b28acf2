"""`python -m tests.bench.webgl2 [ROW…]`: race WebGL back ends, and write docs/webgl2-speed.md.

Whatever draws in this machine's Chromium draws for all of them, be it a GPU or software.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pyjsml.bench.page import Limits, Track
from pyjsml.bench.statistics import geometric_mean
from pyjsml.errors import EngineUnavailableError
from tests.bench.cache import ROOT
from tests.bench.peers import WEBGL_PEERS
from tests.bench.results import machine, version
from tests.bench.rows import Row
from tests.bench.runner import compete, enter
from tests.bench.starts import start_all

FILE = ROOT / "docs" / "webgl2-speed.md"
OURS = "pyjsml"
NAMES = {OURS: "pyjsml", "onnxruntime-web": "ORT Web", "tfjs": "TF.js"}
ROWS = ("mobilenet_v2", "squeezenet", "resnet18", "minilm")
PACKAGES = ("onnxruntime-web", "@tensorflow/tfjs-backend-webgl")
STARTS = 3

INTRODUCTION = """\
# Speed on WebGL2

`python -m tests.bench.webgl2` writes this page: what is here was measured with one state of the
sources, on one machine. Where that machine has no GPU, software draws for everybody alike.

All runtimes run in one page of Chromium and take turns round by round, after a warm-up. A time is
the median over the rounds in milliseconds, of a whole call: inputs copied in, outputs copied out.
Models are those of [speed.md](speed.md). Who gives numbers that are not eager torch's gets no time.
The first result counts from asking for the page, in a fresh context without caches, so it has the
compilation of shaders in it. Textures are counted at their most, in MB.
"""

Found = dict[str, Any]


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice(ROWS))
@click.option("--rounds", default=20, show_default=True, help="At most so many.")
@click.option("--seconds", default=20.0, show_default=True, help="Per row.")
@click.option("--starts", "count", default=STARTS, show_default=True, help="Cold starts.")
def main(rows: tuple[str, ...], rounds: int, seconds: float, count: int) -> None:
    """Race ROWS, all by default; write the page if all of them have raced."""
    limits = Limits(most=rounds, least=min(rounds, 5), budget=1000 * seconds)
    found: dict[str, Found] = {}
    try:
        with Track() as track:
            for name in rows or ROWS:
                found[name] = _race(track, name, limits, count)
                click.echo("\n".join(table({name: found[name]})[2:]))
            if not rows:
                _write(FILE, found, track.version)
    except EngineUnavailableError as error:
        raise click.ClickException(str(error)) from None
    click.echo(means(found))
    for line in absent(found):
        click.echo(line)


def _race(track: Track, name: str, limits: Limits, count: int) -> Found:
    row = Row(name)
    contenders, left_out = enter(track, row, 1, list(WEBGL_PEERS), [None], "webgl2")
    raced = compete(track, row, 1, contenders, left_out, limits).contenders
    # Whoever gives wrong numbers gives them from the start.
    right = [each for each in contenders if "times" in raced[each.name]]
    started = start_all(track, right, {}, count)
    return {who: {**each, "start": started.get(who, {})} for who, each in raced.items()}


def _write(file: Path, found: Mapping[str, Found], browser: str) -> None:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        INTRODUCTION,
        f"Machine: {machine()}. Chromium {browser}. {packages}.\n",
        *table(found),
        "",
        means(found),
        "",
        "## Left out\n",
        *(absent(found) or ["Nothing."]),
        "",
    ]
    file.write_text("\n".join(lines), "utf-8")


def table(found: Mapping[str, Found]) -> list[str]:
    """Return times, first results and textures, as Markdown."""
    head = ("model", "runtime", "ms", "quartiles", "first result, ms", "textures, MB")
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "---:|" * 4]
    for row, contenders in found.items():
        for who, name in NAMES.items():
            each = contenders.get(who, {})
            if "times" not in each:
                lines.append(f"| {row} | {name} | – | | | |")
                continue
            times = each["times"]
            start = each["start"].get("times", {}).get("median")
            cells = (
                f"{times['median']:.4g}",
                f"{times['low']:.4g}–{times['high']:.4g}",
                f"{start:.0f}" if start else "",
                f"{each['textures'] / 1e6:.1f}",
            )
            lines.append(f"| {row} | {name} | {' | '.join(cells)} |")
    return lines


def means(found: Mapping[str, Found]) -> str:
    """Say how pyjsml compares with the best peer of each row."""
    warm = _gains(found, lambda each: each["times"]["median"])
    cold = _gains(found, lambda each: each["start"]["times"]["median"])
    if not warm or not cold:
        return "No model ran both here and on a peer."
    return (
        f"Against the best peer of each model, pyjsml has {geometric_mean(warm):.2f}× its speed in "
        f"the geometric mean (least {min(warm):.2f}×), and gives the first result "
        f"{geometric_mean(cold):.2f}× as fast (least {min(cold):.2f}×)."
    )


def _gains(found: Mapping[str, Found], figure: Any) -> list[float]:
    gains = []
    for contenders in found.values():
        figures = {
            who: figure(each)
            for who, each in contenders.items()
            if "times" in each and "times" in each["start"]
        }
        ours = figures.pop(OURS, None)
        if ours and figures:
            gains.append(min(figures.values()) / ours)
    return gains


def absent(found: Mapping[str, Found]) -> Sequence[str]:
    """Return why there are no times where there are none."""
    return [
        f"- {row}, {NAMES[who]}: {' '.join(each['error'].split())}"
        for row, contenders in found.items()
        for who, each in contenders.items()
        if "error" in each
    ]


if __name__ == "__main__":
    main()
