"""`pyjsml profile`: where a bundle's time and memory go, as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pyjsml.cli.arrays import RANDOM_INPUTS, random_inputs, read_inputs
from pyjsml.cli.options import parse_place, run_options
from pyjsml.cli.output import console
from pyjsml.cli.progress import spinner
from pyjsml.errors import OptionError

PAGE = Path("profile.html")
_FILE: dict[str, Any] = {"metavar": "FILE", "type": click.Path(path_type=Path)}


@click.command(short_help="Show where a bundle's time and memory go, as a page.")
@run_options(engine="chromium", inputs=RANDOM_INPUTS)
@click.option(
    "--runs",
    metavar="N",
    default=30,
    show_default=True,
    type=click.IntRange(1),
    help="Traced runs.",
)
@click.option(
    "-o",
    "--output",
    "page_file",
    default=PAGE,
    show_default=True,
    **_FILE,
    help="Where to write the page.",
)
@click.option("--chrome", "chrome_file", **_FILE, help="Write a trace for Perfetto here too.")
@click.option("--json", "json_file", **_FILE, help="Write the figures as JSON here too.")
def profile(
    directory: str,
    inputs: tuple[str, ...],
    engine: str,
    device: str | None,
    precision: str | None,
    threads: int,
    executor: Path | None,
    runs: int,
    page_file: Path,
    chrome_file: Path | None,
    json_file: Path | None,
) -> None:
    """Run the bundle in DIR op by op, and write a page that shows where its time goes.

    The page has a timeline, the ops beside the machine's limits (which are measured in the same
    engine), memory over time, and the hottest ops.
    """
    place, exactly = parse_place(device, precision)
    _check_outputs([file for file in (page_file, chrome_file, json_file) if file])

    from pyjsml import Bundle
    from pyjsml.engines import get_engine
    from pyjsml.executor import read_executor
    from pyjsml.files import write_file
    from pyjsml.profile.collect import profile as collect
    from pyjsml.profile.page import page

    get_engine(engine)
    bundle = Bundle.open(directory)
    modules = read_executor(bundle, executor)
    arrays = read_inputs(inputs, bundle.model) if inputs else random_inputs(bundle)
    with spinner() as progress:
        progress(f"profiling {directory}")
        found = collect(bundle, arrays, engine, threads, runs, modules, place, exactly)
    texts = {page_file: page(found)}
    if chrome_file:
        texts[chrome_file] = json.dumps(found.trace)
    if json_file:
        texts[json_file] = json.dumps(found.to_json(), indent=2)
    for file, text in texts.items():
        try:
            write_file(file, text.encode())
        except OSError as error:
            raise OptionError(f"{file} can't be written: {error.strerror or error}") from error
        console(stderr=True).print(f"wrote {file}", markup=False)


def _check_outputs(files: list[Path]) -> None:
    """Raise OptionError for files that can't be written, before anything runs."""
    from pyjsml.files import obstacle

    problems = [f"{file} is a directory" for file in files if file.is_dir()]
    problems += [f"{file}: {reason}" for file in files if (reason := obstacle(file))]
    if len({file.absolute() for file in files}) < len(files):
        problems.append("two outputs have one name")
    if problems:
        raise OptionError("the outputs can't be written", problems)
