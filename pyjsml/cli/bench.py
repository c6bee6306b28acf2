"""`pyjsml bench`: time a bundle in an engine, or beside another runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyjsml.cli.arrays import RANDOM_INPUTS, random_inputs, read_inputs
from pyjsml.cli.options import parse_list, parse_place, run_options
from pyjsml.cli.output import console, table, write_json
from pyjsml.cli.progress import spinner
from pyjsml.errors import OptionError

if TYPE_CHECKING:
    from pyjsml.bench.report import Report

RACE_ENGINE = "chromium"
SLOWEST = 15
"""How many ops are shown one by one."""


@click.command(short_help="Time a bundle, by itself or beside another runtime.")
@run_options(engine=None, inputs=RANDOM_INPUTS)
@click.option("--peer", metavar="P,…", help="Runtimes to race in the same page (onnxruntime-web).")
@click.option(
    "--model",
    metavar="FILE.onnx",
    type=click.Path(path_type=Path),
    help="The model as the peers read it.",
)
@click.option(
    "--runs", metavar="N", default=30, show_default=True, type=click.IntRange(1), help="Rounds."
)
@click.option("--json", "json_file", metavar="FILE", help="Write the report as JSON; - is stdout.")
def bench(
    directory: str,
    inputs: tuple[str, ...],
    engine: str | None,
    device: str | None,
    precision: str | None,
    threads: int,
    executor: Path | None,
    peer: str | None,
    model: Path | None,
    runs: int,
    json_file: str | None,
) -> None:
    """Time the bundle in DIR: warm runs, with inputs copied in and outputs out.

    A time is the median over the rounds. Peers run in Chromium; by itself, the bundle runs in
    PythonMonkey unless --engine says otherwise. Exit code 1 says that a peer is faster, or that it
    computes something else.
    """
    place, exactly = parse_place(device, precision)
    problems = []
    if peer is not None and engine not in (None, RACE_ENGINE):
        problems.append(f"peers run in {RACE_ENGINE}, not in {engine}")
    if (peer is None) != (model is None):
        problems.append("--peer and --model FILE.onnx go together")
    if peer is not None and place != "wasm":
        problems.append(f"--device {place} is for the bundle by itself, --peer for a race on wasm")
    if peer is not None and executor is not None:
        problems.append("--executor is for the bundle by itself, --peer for a race")
    if problems:
        raise OptionError("these options do not fit together", problems)

    from pyjsml import Bundle
    from pyjsml.bench.report import PEERS, race_peers, time_in_engine
    from pyjsml.executor import read_executor

    peers = parse_list("--peer", peer, PEERS)
    bundle = Bundle.open(directory)
    modules = read_executor(bundle, executor)
    arrays = read_inputs(inputs, bundle.model) if inputs else random_inputs(bundle)
    with spinner() as progress:
        progress(f"timing {directory}")
        if model is not None:
            report = race_peers(bundle, arrays, peers, model, threads, runs)
        else:
            report = time_in_engine(
                bundle, arrays, engine or "pythonmonkey", threads, runs, modules, place, exactly
            )
    if json_file is not None:
        write_json(report.to_json(), json_file)
    if json_file != "-":
        show_report(report)
    if report.shortfalls:
        click.get_current_context().exit(1)


def show_report(report: Report) -> None:
    """Print the times, then which kinds of op, and which ops, take most of them."""
    times = table("runtime", "ms", "quartiles", "least", right=("ms", "quartiles", "least"))
    for name, found in report.times.items():
        quartiles = f"{found.low:.4g}–{found.high:.4g}"
        times.add_row(name, f"{found.median:.4g}", quartiles, f"{found.least:.4g}")
    screen = console()
    threads = "1 thread" if report.threads == 1 else f"{report.threads} threads"
    screen.print(f"{report.place}, {threads}")
    screen.print(times)
    total = sum(op.ms for op in report.ops) or 1.0
    columns = ("ops", "ms", "share", "GFLOP/s")
    kinds = table("kind", *columns, right=columns)
    for kind in report.by_kind():
        cells = (str(kind.count), f"{kind.ms:.4g}", f"{kind.ms / total:.1%}", f"{kind.gflops:.1f}")
        kinds.add_row(kind.name, *cells)
    screen.print(kinds)
    slowest = table("op", "kind", *columns[1:], right=columns)
    for op in sorted(report.ops, key=lambda op: -op.ms)[:SLOWEST]:
        share = f"{op.ms / total:.1%}"
        slowest.add_row(op.name, op.kind, f"{op.ms:.4g}", share, f"{op.gflops:.1f}")
    screen.print(slowest)
    for shortfall in report.shortfalls:
        screen.print(shortfall, markup=False)
