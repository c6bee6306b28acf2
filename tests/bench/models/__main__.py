"""`python -m tests.bench.models [NAME -o FILE.onnx]`."""

from __future__ import annotations

from pathlib import Path

import click

from tests.bench.models.catalogue import MODELS
from tests.bench.models.export import write_onnx


@click.command()
@click.argument("name", required=False, type=click.Choice(list(MODELS)))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Default: build/bench/NAME.onnx"
)
def main(name: str | None, output: Path | None) -> None:
    """Write the model NAME as ONNX; without it, list the models."""
    if name is None:
        for known, model in MODELS.items():
            click.echo(f"{known:20} {model.multiply_adds / 1e6:9.1f} M multiply-adds")
        return
    write_onnx(name, output or Path("build/bench") / f"{name}.onnx")


main()
