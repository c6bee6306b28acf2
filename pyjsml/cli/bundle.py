"""`pyjsml bundle`: a model becomes an npm package in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pyjsml.cli.options import parse_list
from pyjsml.cli.output import console, format_bytes, json_flag, table, write_json
from pyjsml.cli.progress import progress_bars
from pyjsml.program import DEVICES


@click.command(short_help="Turn a model into a typed npm package.")
@click.argument("model")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where to write the package. A bundle that is there already is replaced.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=DTYPE[SHAPE]",
    help="Set an input's dtype and shape, e.g. image=float32[1,3,224,224] or ids=int64[1,seq].",
)
@click.option(
    "--dim",
    "dims",
    multiple=True,
    metavar="NAME=MIN:MAX",
    help="Bound a dim that varies from run to run, e.g. seq=1:512.",
)
@click.option("--device", metavar="D,…", help=f"Devices to compile for ({', '.join(DEVICES)}).")
@click.option("--name", metavar="NPM_NAME", help="The package's name; the model's by default.")
@click.option("--version", default="0.0.0", show_default=True, help="The package's version.")
@click.option(
    "--runtime",
    type=click.Choice(["vendored", "external"]),
    default="vendored",
    show_default=True,
    help="Carry the JavaScript runtime in the package, or depend on npm's `pyjsml`.",
)
@click.option(
    "--executor",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An executor of your own, of JavaScript or TypeScript, for the package to bring along.",
)
@click.option(
    "--jobs", metavar="N", type=click.IntRange(min=1), help="Processes; one per core by default."
)
@click.option("--no-cache", is_flag=True, help="Compile anew what an earlier build has compiled.")
@click.option(
    "--database",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `pyjsml tune` has found, to go before what comes with pyjsml.",
)
@click.option("--timings", "show_timings", is_flag=True, help="Show how long each stage took.")
@json_flag
def bundle(
    model: str,
    output: Path,
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    device: str | None,
    name: str | None,
    version: str,
    runtime: Literal["vendored", "external"],
    executor: Path | None,
    jobs: int | None,
    no_cache: bool,
    database: Path | None,
    show_timings: bool,
    as_json: bool,
) -> None:
    """Turn MODEL into a typed npm package.

    MODEL is an .onnx file, a .pt2 file (torch.export), a TorchScript .pt or .jit file, or
    package.module:callable, which returns an nn.Module, or one with its example arguments.
    """
    devices = parse_list("--device", device or "wasm", DEVICES)

    from pyjsml import api
    from pyjsml.bundle import check_output_directory
    from pyjsml.frontend.options import parse_dims, parse_inputs
    from pyjsml.timings import Timings

    specs, bounds = parse_inputs(inputs), parse_dims(dims)
    timings = Timings()
    check_output_directory(output)  # before minutes of compiling, not after
    with progress_bars() as progress:
        made = api.bundle(
            model,
            inputs=specs,
            dims=bounds,
            name=name,
            version=version,
            devices=devices,
            runtime=runtime,
            executor=executor,
            jobs=jobs,
            cache=not no_cache,
            database=database,
            progress=progress,
            timings=timings,
        )
        with timings.measure("write"):
            made.write(output)
    sizes = {path: len(data) for path, data in made.files.items()}
    total = sum(sizes.values())
    if as_json:
        write_json(
            {
                "directory": str(output),
                "name": made.manifest["name"],
                "version": made.manifest["version"],
                "bytes": total,
                "files": sizes,
                **({"timings": timings.seconds} if show_timings else {}),
            }
        )
        return
    click.echo(f"{made.manifest['name']} {made.manifest['version']} → {output}")
    for path, size in _by_folder(sizes).items():
        click.echo(f"  {format_bytes(size):>8}  {path}")
    click.echo(f"  {format_bytes(total):>8}  in {len(sizes)} files")
    if show_timings:
        rows = table("stage", "seconds", right=["seconds"])
        for stage, seconds in [*timings.seconds.items(), ("all", sum(timings.seconds.values()))]:
            rows.add_row(stage, f"{seconds:.2f}")
        console().print(rows)


def _by_folder(sizes: dict[str, int]) -> dict[str, int]:
    """Add up the files of each folder, so that the list stays short."""
    sums: dict[str, int] = {}
    for path, size in sizes.items():
        folder, slash, _ = path.partition("/")
        sums[folder + slash] = sums.get(folder + slash, 0) + size
    return sums
