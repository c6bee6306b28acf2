"""Silence for what libraries print, warn and log while they work for us.

What matters comes out as an error of ours; the rest speaks of the libraries' own affairs.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator

_OPERATOR = "ir.Op("


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
    lines = [line.strip() for line in _plain(str(error)).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    # Some libraries underline a heading and say what is wrong behind it.
    if len(lines) > 1 and text.endswith(":"):
        text = f"{text} {lines[1]}"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _plain(text: str) -> str:
    """Write what TVM names by itself: `relax.add`, not `ir.Op(span=None, …)`; 3, not `T.int64(3)`.

    Its checks begin with the condition that does not hold, which says nothing to others.
    """
    start = text.find(_OPERATOR)
    while start >= 0:
        depth, end = 0, start
        for end in range(start + len(_OPERATOR) - 1, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
        name = re.search(r'name="([^"]*)"', text[start:end])
        text = text[:start] + (name[1] if name else "an operator") + text[end + 1 :]
        start = text.find(_OPERATOR)
    text = re.sub(r"^Check failed: .*? : ", "", text)
    text = re.sub(r"T\.(?:u?int|float)\d+\((-?[\d.]+)\)", r"\1", text)
    return re.sub(r"R\.(?:s|S)hape\((\[[^\]]*\])\)", r"\1", text)
