"""One Firefox for the sessions of many tests, because it takes seconds to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from pyjsml.engines.browser import find_program
from pyjsml.engines.firefox import FirefoxEngine
from tests.support.pages import PATIENCE_MS

# Standard input ends when this process does, however that comes about, and Firefox with it.
SERVER = '"$@" & read -r end; kill 0'


class SharedFirefox:
    """A Firefox with WebGL2 that is started when it is first wanted. To be closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    @cached_property
    def address(self) -> str:
        """Where Playwright connects to it."""
        return self._stack.enter_context(_serving(FirefoxEngine(), self._folder))

    def close(self) -> None:
        """End it, if it was started."""
        self._stack.close()


@contextmanager
def _serving(engine: FirefoxEngine, folder: Path) -> Iterator[str]:
    """Have Playwright start the browser as `engine` does, and let others connect to it."""
    path = find_program(engine.programs)
    with engine.display("webgl2") as variables:
        options = {
            "executablePath": path,
            "channel": engine.channel if path else None,
            "env": {**os.environ, **variables},
            "firefoxUserPrefs": engine.launch_options["firefox_user_prefs"],
            "timeout": PATIENCE_MS,
        }
        config = folder / "firefox.json"
        config.write_text(json.dumps({k: v for k, v in options.items() if v is not None}))
        command = [sys.executable, "-m", "playwright", "launch-server", "--browser", "firefox"]
        with subprocess.Popen(
            ["/bin/sh", "-c", SERVER, "sh", *command, "--config", str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a process group of its own, to be ended as a whole
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with process.stdin:
                address = process.stdout.readline().strip()
                assert address.startswith("ws://"), "Playwright can't start Firefox"
                yield address
