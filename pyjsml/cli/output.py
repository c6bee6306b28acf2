"""Results: text and tables for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyjsml.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

_UNITS = ("B", "kB", "MB", "GB")

json_flag = click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")


def write_json(value: Any, file: str = "-") -> None:
    """Write `value` as JSON to `file`, or to stdout for `-`."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    if file == "-":
        click.echo(text)
        return
    try:
        Path(file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(f"{file} can't be written: {error.strerror or error}") from error


def console(*, stderr: bool = False) -> Console:
    """Return a rich console; off a terminal it does not cut tables to 80 columns."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, width=160)
    return made


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return a table for `console`; the columns named in `right` are aligned to the right."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def format_bytes(count: int) -> str:
    """Write a number of bytes as people do: `812 B`, `48.2 kB`, `13.9 MB`."""
    if count < 1000:
        return f"{count} B"
    power = next((p for p in (1, 2) if count < 999.5 * 1000**p), 3)
    size = count / 1000**power
    return f"{size:.0f} {_UNITS[power]}" if size >= 100 else f"{size:.3g} {_UNITS[power]}"
