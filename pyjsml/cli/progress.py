"""Progress bars on stderr: one line per stage, with a count where the stage has parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many of its parts are done, and how many there are."""


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Show bars while the context lasts; yield the function that moves them.

    Off a terminal each stage is one line of text when it is done, so that logs stay readable.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from pyjsml.cli.output import console

    screen = console(stderr=True)
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=screen, disable=not screen.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}
        finished: set[str] = set()

        def advance(stage: str, done: int, total: int) -> None:
            if stage in finished:
                return
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)
            if done == total:
                finished.add(stage)
                if not screen.is_terminal:
                    screen.print(f"{stage}: {total}/{total}")

        yield advance


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Show what is being done while the context lasts; yield the function that is told."""
    from pyjsml.cli.output import console

    screen = console(stderr=True)
    if not screen.is_terminal:
        yield screen.print
        return
    with screen.status("…") as status:
        yield status.update
