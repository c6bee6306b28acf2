"""The `pyjsml` command as a process: `pyjsml` and `python -m pyjsml`."""

from __future__ import annotations

import atexit
import gc
import signal
import sys

from pyjsml.cli import main
from pyjsml.cli.imports import TorchNotForTvm


def run() -> None:
    """Run the command that the process was started with, and end the process."""
    sys.meta_path.insert(0, TorchNotForTvm())
    # Else Python looks once more for garbage among all that TVM and torch hold: half a second.
    atexit.register(gc.freeze)
    try:
        main()
    finally:
        # The command is done: an interrupt has nothing to stop, and would only end in noise.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    run()
