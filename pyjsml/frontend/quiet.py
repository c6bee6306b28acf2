"""Silence for what libraries print, warn and log while they work for us.

What matters comes out as an error of ours; the rest speaks of the libraries' own affairs.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep printed text, warnings and log lines from the user until the block ends."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        logging.disable(disabled)


def sentence(error: BaseException) -> str:
    """Return what `error` says in one line: libraries' messages may be pages long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    # Some libraries underline a heading and say what is wrong behind it.
    if len(lines) > 1 and text.endswith(":"):
        text = f"{text} {lines[1]}"
    return text if text.endswith((".", "!", "?")) else f"{text}."
