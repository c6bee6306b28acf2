"""`pyjsml run`: run a bundle once, on arrays from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyjsml.cli.arrays import check_output_file, read_inputs, to_json, write_outputs
from pyjsml.cli.options import parse_place, run_options
from pyjsml.cli.output import console, json_flag, table, write_json

if TYPE_CHECKING:
    from pyjsml.program import Array

TOP = 5


@click.command(short_help="Run a bundle once.")
@run_options(
    engine="pythonmonkey", inputs="An input's array: a .npy, .npz, .safetensors or .json file."
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the outputs to a .npz, .safetensors or .json file.",
)
@json_flag
def run(
    directory: str,
    inputs: tuple[str, ...],
    engine: str,
    device: str | None,
    precision: str | None,
    threads: int,
    executor: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run the bundle in DIR, and show or write its outputs."""
    place, exactly = parse_place(device, precision)

    from pyjsml import Bundle, Executor

    bundle = Bundle.open(directory)
    if output is not None:
        check_output_file(output, [port["name"] for port in bundle.model["outputs"]])
    arrays = read_inputs(inputs, bundle.model)
    with Executor(
        bundle,
        engine=engine,
        threads=threads,
        device=place,
        precision=exactly,
        executor=executor,
    ) as opened:
        outputs = opened.run(**arrays)
    if output is not None:
        write_outputs(output, outputs)
    if as_json:
        write_json(
            {
                name: {
                    "dtype": str(array.dtype),
                    "shape": list(array.shape),
                    "data": to_json(array),
                }
                for name, array in outputs.items()
            }
        )
    else:
        _show(outputs)


def _show(outputs: dict[str, Array]) -> None:
    rows = table("output", "type", "min", "mean", "max", "largest")
    for name, array in outputs.items():
        kind = f"{array.dtype}{list(array.shape)}"
        rows.add_row(name, kind, *_statistics(array))
    console().print(rows)


def _statistics(array: Array) -> tuple[str, ...]:
    import numpy as np

    if array.size == 0:
        return ("", "", "", "")
    flat = array.ravel().astype(np.float64)
    order = np.argsort(-flat, kind="stable")[:TOP]
    largest = ", ".join(f"[{index}] {flat[index]:.4g}" for index in order)
    return (f"{flat.min():.4g}", f"{flat.mean():.4g}", f"{flat.max():.4g}", largest)
