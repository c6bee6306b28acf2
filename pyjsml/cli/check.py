"""`pyjsml check`: compare what engines compute with what they should."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyjsml.cli.options import PRECISION, executor_option, parse_list
from pyjsml.cli.output import console, table, write_json
from pyjsml.cli.progress import spinner
from pyjsml.errors import OptionError
from pyjsml.program import DEVICES

if TYPE_CHECKING:
    from pyjsml.check import Divergence, Report, Row

STYLES = {"ok": "green", "diverged": "red", "error": "red", "skipped": "yellow"}


@click.command(short_help="Compare engines with test vectors or the original model.")
@click.argument("directory", metavar="DIR")
@click.option(
    "--vectors",
    metavar="FILE.npz",
    type=click.Path(path_type=Path),
    help="Inputs with expected outputs: arrays named in:NAME and out:NAME.",
)
@click.option(
    "--reference",
    metavar="MODEL",
    help="The model in its own framework (as for `bundle`), run on random inputs.",
)
@click.option(
    "--engine", metavar="E,…", help="Engines to check; every one that is here by default."
)
@click.option("--device", metavar="D,…", help=f"Devices to check ({', '.join(DEVICES)}).")
@click.option("--precision", metavar="P,…", help=f"{PRECISION}. Several may be checked.")
@executor_option
@click.option("--json", "json_file", metavar="FILE", help="Write the report as JSON; - is stdout.")
def check(
    directory: str,
    vectors: Path | None,
    reference: str | None,
    engine: str | None,
    device: str | None,
    precision: str | None,
    executor: Path | None,
    json_file: str | None,
) -> None:
    """Check the bundle in DIR against test vectors or against the original model.

    Where an output is not what it should be, the first op that diverges is named, by comparing
    with the reference, which may be given beside the vectors, or else with another engine. Exit
    code 1 says that something diverged or failed.
    """
    if vectors is None and reference is None:
        raise OptionError("give --vectors FILE.npz, --reference MODEL, or both")
    devices = parse_list("--device", device or "wasm", DEVICES)

    from pyjsml import Bundle, api
    from pyjsml.engines import ENGINES
    from pyjsml.engines.precision import PRECISIONS

    precisions = parse_list("--precision", precision or "float32", PRECISIONS)
    engines = parse_list("--engine", engine, [each.name for each in ENGINES])
    bundle = Bundle.open(directory)
    with spinner() as progress:
        report = api.check(
            bundle,
            vectors=vectors,
            reference=reference,
            engines=engines,
            devices=devices,
            precisions=precisions,
            executor=executor,
            progress=progress,
        )
    if json_file is not None:
        write_json(report.to_json(), json_file)
    if json_file != "-":
        show_report(report)
    if not report.ok:
        click.get_current_context().exit(1)


def show_report(report: Report) -> None:
    """Print a row per engine and output, then where each engine that diverged began to."""
    rows = table("engine", "output", "max abs error", "max rel error", "tolerance", "verdict")
    for row in report.rows:
        rows.add_row(*_cells(row))
    screen = console()
    screen.print(rows)
    for row in report.rows:
        if row.message:
            screen.print(f"{row.label}: {row.message}", markup=False)
    for divergence in report.divergences:
        screen.print(f"{divergence.label}: {_story(divergence)}", markup=False)


def _cells(row: Row) -> tuple[str, ...]:
    output = f"{row.output}: {row.dtype}{list(row.shape)}" if row.output else ""
    verdict = f"[{STYLES[row.status]}]{row.status}[/]"
    found = row.comparison
    if found is None:
        return (row.label, output, "", "", row.tolerance, verdict)
    if found.problem:
        return (row.label, output, found.problem, "", row.tolerance, verdict)
    errors = (f"{found.max_abs:.2e}", f"{found.max_rel:.2e}")
    return (row.label, output, *errors, row.tolerance, verdict)


def _story(divergence: Divergence) -> str:
    if not divergence.op:
        return divergence.message
    found = divergence.comparison
    where = f"the first op that diverges is {divergence.op} ({divergence.kind})"
    if divergence.origin:
        where += f", from {divergence.origin}"
    if found is None:
        return where
    if found.problem:
        return f"{where}: {found.problem}"
    return (
        f"{where}: {found.mismatched} of {found.size} elements of {divergence.value} are off, by "
        f"up to {found.max_abs:.2e}; at {list(found.worst)} it is {found.actual:.6g} where the "
        f"{divergence.against} has {found.expected:.6g}"
    )
