"""A display for a browser where the machine has none: that of Xvfb, which nobody sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyjsml.errors import EngineUnavailableError

HOW_TO_GET = "apt install xvfb (on Debian)"

# Xvfb chooses a number that is free and writes it. Standard input ends when this process does,
# however that comes about, and Xvfb with it.
XVFB = """
Xvfb -displayfd 1 -screen 0 1280x1024x24 -nolisten tcp -noreset +extension GLX &
exec >/dev/null
read -r end
kill $!
wait $!
"""


@contextmanager
def display(wanted_by: str) -> Iterator[Mapping[str, str]]:
    """Yield variables of the environment that give a program a display; none if there is one.

    Raises EngineUnavailableError, which names who it is `wanted_by`, where there is none to be had.
    """
    if has_display():
        yield {}
        return
    if shutil.which("Xvfb") is None:
        raise EngineUnavailableError(
            f"{wanted_by} needs a display, and there is none: set DISPLAY, or install Xvfb: "
            f"{HOW_TO_GET}"
        )
    with subprocess.Popen(
        ["/bin/sh", "-c", XVFB],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # What interrupts this process must not end the display before the browser.
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin:
            if not (number := process.stdout.readline().strip()):
                raise EngineUnavailableError(
                    f"{wanted_by} needs a display, and Xvfb does not start: set DISPLAY to another"
                )
            yield {"DISPLAY": f":{number}"}


def has_display() -> bool:
    """Tell whether programs have a display; on macOS and Windows they always do."""
    return sys.platform in ("darwin", "win32") or any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
    )
