"""`python -m tests.bench.dispatch`: measure what dispatch costs and write docs/dispatch.md."""

from __future__ import annotations

import click

from pyjsml.cli.options import parse_list
from tests.bench.dispatch import report
from tests.bench.dispatch.hosts import HOSTS
from tests.bench.dispatch.results import collect


@click.command()
@click.option("--host", help=f"Some of {', '.join(HOSTS)}; all by default.")
@click.option("--rounds", default=20, show_default=True)
@click.option("--quick", is_flag=True, help="The tiny ops alone, three rounds.")
def main(host: str | None, rounds: int, quick: bool) -> None:
    """Print what dispatch costs. Exit code 1 says that outputs are wrong.

    docs/dispatch.md is written where nothing is left out.
    """
    hosts = parse_list("--host", host, list(HOSTS))
    results = collect(
        hosts,
        3 if quick else rounds,
        lambda what: click.echo(what, err=True),
        network=not quick,
    )
    click.echo("\n".join(report.show(results)))
    for line in report.missed(results):
        click.echo(f"goal missed: {line}")
    if results.wrong:
        raise click.ClickException("wrong numbers: " + "; ".join(results.wrong))
    if not quick and len(hosts) == len(HOSTS) and not results.left_out:
        report.FILE.write_text(report.page(results), "utf-8")


main()
