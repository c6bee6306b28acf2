"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence

from pyjsml.errors import OptionError

DEVICES = ("wasm",)


def parse_list(option: str, text: str | None, choices: Sequence[str]) -> tuple[str, ...]:
    """Parse `A,B,…` against `choices`; None stands for all of them. Raise OptionError."""
    if text is None:
        return tuple(choices)
    names = [name.strip() for name in text.split(",") if name.strip()]
    problems = [f"there is no {name!r}" for name in names if name not in choices]
    if problems or not names:
        raise OptionError(f"{option} takes some of: {', '.join(choices)}", problems)
    return tuple(dict.fromkeys(names))


def split_assignment(text: str) -> tuple[str, str]:
    """Split `NAME=REST`; the name is empty where there is no `=`."""
    name, equals, rest = text.partition("=")
    return (name.strip(), rest.strip()) if equals else ("", text.strip())
