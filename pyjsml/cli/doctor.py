"""`pyjsml doctor`: which engines, browsers and tools are here, and how to get what is missing."""

from __future__ import annotations

from dataclasses import asdict

import click

from pyjsml.cli.output import console, json_flag, table, write_json
from pyjsml.cli.progress import spinner


@click.command(short_help="Show what is here, and how to get what is missing.")
@json_flag
def doctor(as_json: bool) -> None:
    """Show which engines, packages and tools are here, and how to get what is missing."""
    from rich.markup import escape

    from pyjsml.doctor import examine

    with spinner():
        findings = list(examine())
    if as_json:
        write_json([asdict(finding) for finding in findings])
        return
    rows = table("kind", "name", "", "version, or how to get it")
    for finding in findings:
        mark = "[green]found[/]" if finding.found else "[yellow]missing[/]"
        rows.add_row(finding.kind, finding.name, mark, escape(finding.detail))
    console().print(rows)
