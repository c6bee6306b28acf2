"""Work on several cores, in processes that are copies of this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from typing import Any

Work = Callable[[int], None]


def can_fork() -> bool:
    """Tell whether copies of this process may go on where it is.

    A fresh process would take seconds to import TVM, longer than most models take to compile. On
    macOS system libraries forbid copies, and Windows has none.
    """
    return sys.platform.startswith("linux")


def forked(numbers: Sequence[int], work: Work, jobs: int) -> Iterator[int]:
    """Call `work` with each of `numbers` in `jobs` copies of this process; yield those it is done.

    They start in the order of `numbers`. A number that `work` fails for, or whose process ends, is
    not yielded. Copies end with the iterator, however that ends. What `work` needs it finds in the
    copy's memory: nothing of it is sent.
    """
    context = multiprocessing.get_context("fork")
    taken = context.Value("i", 0)
    processes: list[Any] = []
    readers: list[connection.Connection] = []
    try:
        for _ in range(jobs):
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(
                target=_serve, args=(numbers, work, taken, writer), daemon=True
            )
            with warnings.catch_warnings():
                # Python warns of locks that other threads may hold; a copy takes none of theirs.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            writer.close()  # the copy's own is then the last: when it ends, so does the pipe
            processes.append(process)
            readers.append(reader)
        while readers:
            ready = connection.wait(readers)
            for reader in [reader for reader in readers if reader in ready]:
                try:
                    yield reader.recv()
                except EOFError:
                    readers.remove(reader)
                    reader.close()
    finally:
        for process in processes:
            process.terminate()
            process.join()
        for reader in readers:
            reader.close()


def _serve(numbers: Sequence[int], work: Work, taken: Any, done: connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends its copies
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        while True:
            with taken.get_lock():
                position = taken.value
                taken.value += 1
            if position >= len(numbers):
                break
            try:
                work(numbers[position])
            except Exception:
                continue  # whoever started this does it again, and meets the error
            done.send(numbers[position])
    finally:
        # Else Python would flush streams, whose locks a thread of the parent may have held.
        os._exit(0)
