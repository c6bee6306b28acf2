"""`python -m tests.bench`: race rows, print what came of them."""

from __future__ import annotations

import json

import click

from pyjsml.bench.page import Limits, Track
from tests.bench.models.catalogue import MODELS
from tests.bench.peers import PEERS
from tests.bench.runner import race


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice(list(MODELS)))
@click.option("--threads", default="1,2", show_default=True)
@click.option("--peer", "peers", default=",".join(PEERS), show_default=True)
@click.option("--rounds", default=50, show_default=True)
@click.option("--seconds", default=8.0, show_default=True)
def main(rows: tuple[str, ...], threads: str, peers: str, rounds: int, seconds: float) -> None:
    with Track() as track:
        for name in rows or MODELS:
            for count in map(int, threads.split(",")):
                found = race(
                    track, name, count, peers.split(","), Limits(most=rounds, budget=1000 * seconds)
                )
                for who, what in found.contenders.items():
                    click.echo(f"{name} {count} {who} {json.dumps(what)}")


main()
