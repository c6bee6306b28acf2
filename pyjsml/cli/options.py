"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyjsml.errors import OptionError
from pyjsml.program import DEVICES

if TYPE_CHECKING:
    from pyjsml.engines.precision import Precision

Command = TypeVar("Command", bound=Callable[..., Any])
Choice = TypeVar("Choice", bound=str)

PRECISION = "How exactly webgl2 keeps values between ops: float32, or float16 in half the memory"

executor_option = click.option(
    "--executor",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An executor of your own, of JavaScript or TypeScript, instead of the bundle's.",
)


def run_options(*, engine: str | None, inputs: str) -> Callable[[Command], Command]:
    """Add DIR and the options of the commands that run a bundle: what on, and where.

    `engine` is the default engine, `inputs` the help of `--input`.
    """
    added = (
        click.argument("directory", metavar="DIR"),
        click.option("--input", "inputs", multiple=True, metavar="NAME=FILE", help=inputs),
        click.option(
            "--engine",
            default=engine,
            show_default=engine is not None,
            metavar="E",
            help="Where to run it: pythonmonkey, v8, node, chromium or firefox.",
        ),
        click.option("--device", metavar="D", help=f"The device to run on ({', '.join(DEVICES)})."),
        click.option("--precision", metavar="P", help=f"{PRECISION}."),
        click.option(
            "--threads",
            default=1,
            show_default=True,
            metavar="N",
            type=click.IntRange(1),
            help="How many threads may share the work (node, chromium, firefox).",
        ),
        executor_option,
    )

    def add(command: Command) -> Command:
        for option in reversed(added):
            command = option(command)
        return command

    return add


def parse_list(option: str, text: str | None, choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Parse `A,B,…` against `choices`; None stands for all of them. Raise OptionError."""
    if text is None:
        return tuple(choices)
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = {str(choice): choice for choice in choices}
    problems = [f"there is no {name!r}" for name in names if name not in known]
    if problems or not names:
        raise OptionError(f"{option} takes some of: {', '.join(choices)}", problems)
    return tuple(known[name] for name in dict.fromkeys(names))


def parse_place(device: str | None, precision: str | None) -> tuple[str, Precision]:
    """Parse one device and how exactly it keeps values; None stands for wasm, and for float32.

    Raise OptionError, also where the device has no such precision.
    """
    from pyjsml.engines.precision import PRECISIONS, check_precision

    place = _parse_one("--device", device or "wasm", DEVICES)
    exactly = _parse_one("--precision", precision or "float32", PRECISIONS)
    check_precision(exactly, place)
    return place, exactly


def _parse_one(option: str, text: str, choices: Sequence[Choice]) -> Choice:
    found = parse_list(option, text, choices)
    if len(found) > 1:
        raise OptionError(f"{option} takes one of these here: {', '.join(found)}")
    return found[0]


def split_assignment(text: str) -> tuple[str, str]:
    """Split `NAME=REST`; the name is empty where there is no `=`."""
    name, equals, rest = text.partition("=")
    return (name.strip(), rest.strip()) if equals else ("", text.strip())
