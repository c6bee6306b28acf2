"""`python -m tests.bench [ROW…]`: race rows and write docs/speed.md; `make bench` calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyjsml.bench.page import Limits, Track
from pyjsml.cli.options import parse_list
from pyjsml.errors import EngineUnavailableError
from tests.bench import document, report
from tests.bench.builds import builds
from tests.bench.models.catalogue import MODELS
from tests.bench.peers import PEERS
from tests.bench.results import Results
from tests.bench.rows import Row
from tests.bench.runner import OURS, enter, race
from tests.bench.starts import starts

if TYPE_CHECKING:
    from pyjsml.program import Isa

STARTED = ("mobilenet_v2", "minilm")
BUILT = ("mobilenet_v2", "resnet50", "minilm")
QUICK = ("mlp", "squeezenet")
QUICK_LIMITS = Limits(least=3, most=5, budget=1000.0)


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice(list(MODELS)))
@click.option("--threads", default="1,2", show_default=True, help="Numbers of threads.")
@click.option("--peer", help=f"Some of {', '.join(PEERS)}; all by default.")
@click.option("--isa", default="relaxed,simd128", show_default=True, help="pyjsml's wasm files.")
@click.option("--rounds", default=50, show_default=True, help="At most so many.")
@click.option("--seconds", default=6.0, show_default=True, help="Per row and number of threads.")
@click.option("--starts", "count", default=5, show_default=True, help="Cold starts per runtime.")
@click.option("--prepare", is_flag=True, help="Only make the files that races need.")
@click.option("--quick", is_flag=True, help="Two small models against ORT Web; keep nothing.")
def main(
    rows: tuple[str, ...],
    threads: str,
    peer: str | None,
    isa: str,
    rounds: int,
    seconds: float,
    count: int,
    prepare: bool,
    quick: bool,
) -> None:
    """Race ROWS, all by default. Exit code 1 says that a runtime gave wrong numbers.

    Races of all contenders are kept in build/bench/results.json, and docs/speed.md is written from
    them if all rows have raced. What is quick, or lacks contenders, is only printed.
    """
    counts = [int(number) for number in parse_list("--threads", threads, ("1", "2"))]
    peers = parse_list("--peer", peer, list(PEERS))
    isas = [_isa(name) for name in parse_list("--isa", isa, ("relaxed", "simd128"))]
    limits = Limits(most=rounds, least=min(rounds, 7), budget=1000 * seconds)
    if quick:
        rows, counts, peers, limits = rows or QUICK, [1], ("onnxruntime-web",), QUICK_LIMITS
    kept = not quick and len(isas) == len(OURS) and len(peers) == len(PEERS)
    if prepare:
        _prepare(rows or tuple(MODELS), peers)
        return
    try:
        with Track() as track:
            results = Results.here(track.version)
            for threads_now in counts:
                for name in rows or MODELS:
                    results.add(race(track, name, threads_now, peers, isas, limits))
                    if kept:
                        results.save()  # so that what follows may fail
                    _tell(results, name, threads_now)
            if kept and not rows:
                for name in STARTED:
                    results.starts[name] = starts(track, name, peers, count)
                results.builds = {name: builds(name) for name in BUILT}
                results.save()
                document.write(results)
    except EngineUnavailableError as error:
        if not quick:
            raise click.ClickException(str(error)) from None
        click.echo(f"no race: {error}")
        return
    _conclude(results, rows or tuple(MODELS), counts)


def _prepare(rows: tuple[str, ...], peers: tuple[str, ...]) -> None:
    for name in rows:
        _, left_out = enter(Track(), Row(name), 1, peers, [None])
        click.echo("; ".join((name, *(f"{who}: {why}" for who, why in left_out.items()))), err=True)


def _isa(name: str) -> Isa | None:
    """Return the file to ask for; a browser like this one takes relaxed by itself."""
    return "simd128" if name == "simd128" else None


def _tell(results: Results, name: str, threads: int) -> None:
    click.echo(f"{name}, {threads} thread{'s'[: threads - 1]}", err=True)
    found = [each for each in report.races(results, threads) if each["row"] == name]
    for line in report.times_table(found)[2:]:
        click.echo(line, err=True)


def _conclude(results: Results, rows: tuple[str, ...], counts: list[int]) -> None:
    every = []
    for threads in counts:
        found = [each for each in report.races(results, threads) if each["row"] in rows]
        every += found
        click.echo(f"\n{threads} thread{'s'[: threads - 1]}")
        click.echo("\n".join(report.times_table(found)))
        click.echo(report.means(found))
    for line in report.left_out(results):
        click.echo(line)
    if wrong := report.wrong(every):
        raise click.ClickException("wrong numbers: " + "; ".join(wrong))


main()
