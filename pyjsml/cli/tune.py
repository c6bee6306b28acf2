"""`pyjsml tune`: search for the parameters with which a model's kernels run fastest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click

from pyjsml.cli.options import parse_list, split_assignment
from pyjsml.cli.output import console, json_flag, table, write_json
from pyjsml.cli.progress import progress_bars
from pyjsml.errors import OptionError
from pyjsml.program import Isa

if TYPE_CHECKING:
    from pyjsml.tune.tuner import Outcome

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@click.command(short_help="Search for the fastest kernels of models.")
@click.argument("models", metavar="MODEL…", nargs=-1, required=True)
@click.option(
    "--engine",
    metavar="E,…",
    default="chromium",
    show_default=True,
    help="Engines to time kernels in: chromium, node, v8. Of several, the sum of times counts.",
)
@click.option("--isa", metavar="I,…", help=f"Instruction sets ({', '.join(get_args(Isa))}).")
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="How many parameters to try for a kernel.",
)
@click.option("--time", "budget", metavar="BUDGET", help="Stop after so long, e.g. 90s, 30m, 2h.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="NAME=N",
    help="Time kernels at this size of a dim that varies; by default at its smallest.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=DTYPE[SHAPE]",
    help="Set an input's dtype and shape, as for `bundle`.",
)
@click.option("--dim", "dims", multiple=True, metavar="NAME=MIN:MAX", help="Bound a dim.")
@click.option(
    "--database",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("tuned.jsonl"),
    show_default=True,
    help="Where to keep what is found, for `bundle --database`. What it holds already stays.",
)
@click.option("--resume", is_flag=True, help="Leave out the kernels that the database has.")
@click.option("--cluster", metavar="ADDRESS", help="Search on the machines of a Ray cluster.")
@json_flag
def tune(
    models: tuple[str, ...],
    engine: str,
    isa: str | None,
    trials: int,
    budget: str | None,
    sizes: tuple[str, ...],
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    database: Path,
    resume: bool,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Search for the parameters with which the kernels of each MODEL run fastest on this machine.

    MODEL is what `pyjsml bundle` takes. Kernels that do the most work come first, and what is found
    is kept as it is found: the command may be interrupted, and go on with --resume. Exit code 1
    says that kernels failed.
    """
    seconds, at = parse_budget(budget), parse_sizes(sizes)
    isas = parse_list("--isa", isa, get_args(Isa))

    from pyjsml import api
    from pyjsml.frontend.options import parse_dims, parse_inputs
    from pyjsml.tune.hosts import ENGINES

    engines = parse_list("--engine", engine, ENGINES)
    specs, bounds = parse_inputs(inputs), parse_dims(dims)
    with progress_bars() as progress:
        outcome = api.tune(
            models,
            database,
            inputs=specs,
            dims=bounds,
            engines=engines,
            isas=cast(Sequence[Isa], isas),
            trials=trials,
            seconds=seconds,
            sizes=at,
            resume=resume,
            cluster=cluster,
            progress=progress,
        )
    if as_json:
        write_json(asdict(outcome))
    else:
        show(outcome, database)
    if outcome.problems:
        click.get_current_context().exit(1)


def show(outcome: Outcome, database: Path) -> None:
    """Print a row per kernel, and what failed."""
    rows = table("kernel", "isa", "µs", "tuned", "", right=["µs", "tuned"])
    for row in outcome.rows:
        gain = 1 - row.best_us / row.default_us
        verdict = f"[green]{gain:.0%} less[/]" if row.parameters else "as good as any"
        shown = row.best_us if row.parameters else row.default_us
        rows.add_row(row.kernel, row.isa, f"{row.default_us:.1f}", f"{shown:.1f}", verdict)
    screen = console()
    if outcome.rows:
        screen.print(rows)
    found = f"; see {database}" if outcome.rows or outcome.known else ""
    click.echo(summary(outcome) + found)
    for problem in outcome.problems:
        screen.print(problem, markup=False)


def summary(outcome: Outcome) -> str:
    """Return how many kernels can be faster, and how many were not searched, and why."""
    known = f"{outcome.known} were known" if outcome.known else ""
    late = f"time was up before {outcome.late} more" if outcome.late else ""
    better = sum(row.parameters is not None for row in outcome.rows)
    searched = f"{better} of {len(outcome.rows)} kernels can be faster" if outcome.rows else ""
    said = ", ".join(filter(None, (searched, known, late)))
    if said or outcome.problems:
        return said or "no kernel could be timed"
    return "there is nothing to tune: no kernel here has parameters"


def parse_budget(text: str | None) -> float | None:
    """Read `90s`, `30m` or `2h` as seconds. Raise OptionError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None:
        raise OptionError(f"--time {text}: write a number of seconds, or as in 90s, 30m or 2h")
    return float(match[1]) * UNITS[match[2]]


def parse_sizes(texts: Sequence[str]) -> dict[str, int]:
    """Read each `NAME=N`. Raise OptionError with every one that is none."""
    found: dict[str, int] = {}
    problems = []
    for text in texts:
        name, size = split_assignment(text)
        if not name or not size.isdecimal():
            problems.append(f"{text!r} is no NAME=N")
        else:
            found[name] = int(size)
    if problems:
        raise OptionError("--size takes the size of a dim, as in seq=128", problems)
    return found
